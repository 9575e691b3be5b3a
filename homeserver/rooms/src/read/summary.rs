//! What a room says of itself to those who are not in it: for the directory, summaries and spaces.

use ruma::{OwnedMxcUri, OwnedRoomAliasId, OwnedRoomId};
use serde::Deserialize;

use crate::{RoomError, read::room::Room};

/// A room from outside.
#[derive(Clone, Debug)]
pub struct RoomSummary {
    pub room_id: OwnedRoomId,
    pub version: String,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub avatar_url: Option<OwnedMxcUri>,
    pub canonical_alias: Option<OwnedRoomAliasId>,
    pub joined_members: u64,
    pub join_rule: String,
    /// The rooms whose members may join by a `restricted` rule.
    pub allowed_room_ids: Vec<OwnedRoomId>,
    pub world_readable: bool,
    pub guest_can_join: bool,
    pub room_type: Option<String>,
    pub encryption: Option<String>,
}

/// One string of a content.
fn text(content: Option<serde_json::Value>, key: &str) -> Option<String> {
    content?.get(key)?.as_str().map(str::to_owned)
}

impl Room {
    /// What the room says of itself.
    pub fn summary(&self) -> Result<RoomSummary, RoomError> {
        #[derive(Deserialize, Default)]
        struct JoinRules {
            join_rule: Option<String>,
            #[serde(default)]
            allow: Vec<Allow>,
        }
        #[derive(Deserialize)]
        struct Allow {
            room_id: Option<OwnedRoomId>,
        }
        let content = |event_type| self.state_content::<serde_json::Value>(event_type, "");
        let rules = self.state_content::<JoinRules>("m.room.join_rules", "")?.unwrap_or_default();
        Ok(RoomSummary {
            room_id: self.id().to_owned(),
            version: self.version().id().to_string(),
            name: text(content("m.room.name")?, "name").filter(|name| !name.is_empty()),
            topic: text(content("m.room.topic")?, "topic"),
            avatar_url: text(content("m.room.avatar")?, "url").map(Into::into),
            canonical_alias: text(content("m.room.canonical_alias")?, "alias")
                .and_then(|alias| alias.try_into().ok()),
            joined_members: self.head().joined,
            join_rule: rules.join_rule.unwrap_or_else(|| "invite".to_owned()),
            allowed_room_ids: rules.allow.into_iter().filter_map(|allow| allow.room_id).collect(),
            world_readable: self.is_world_readable()?,
            guest_can_join: text(content("m.room.guest_access")?, "guest_access").as_deref()
                == Some("can_join"),
            room_type: text(content("m.room.create")?, "type"),
            encryption: text(content("m.room.encryption")?, "algorithm"),
        })
    }
}
