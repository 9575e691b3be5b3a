//! What a room is called, who comes in, and who reads what was before.

use std::rc::Rc;

use async_stream::stream;
use futures::Stream;
use matrix_sdk::{
    Room,
    ruma::{
        RoomAliasId, RoomVersionId,
        api::client::room::{Visibility, upgrade_room},
        events::{
            StateEventType,
            room::{history_visibility::HistoryVisibility, join_rules::JoinRule},
        },
    },
};

use super::{Account, Problem, Upload, rows};

/// The version that a room is upgraded to.
const NEWEST: RoomVersionId = RoomVersionId::V12;

/// A room as its settings show it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RoomSettings {
    pub name: String,
    pub topic: String,
    pub picture: Option<String>,
    pub alias: Option<String>,
    pub access: Access,
    pub history: History,
    pub is_encrypted: bool,
    pub is_space: bool,
    pub version: String,
    /// It may be upgraded to this version.
    pub upgrade: Option<String>,
    pub may: May,
}

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Access {
    #[default]
    Invited,
    Asking,
    Anybody,
    /// Something that this client shows and does not set, such as the members of a space.
    Other,
}

impl Access {
    pub const CHOICES: [Self; 3] = [Self::Invited, Self::Asking, Self::Anybody];

    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Invited => "access-invited",
            Self::Asking => "access-asking",
            Self::Anybody => "access-anybody",
            Self::Other => "access-other",
        }
    }
}

/// Who may read what was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum History {
    /// Those in the room, everything.
    #[default]
    Members,
    /// Those in the room, from when they were invited.
    Invited,
    /// Those in the room, from when they came.
    Joined,
    Anybody,
}

impl History {
    pub const ALL: [Self; 4] = [Self::Members, Self::Invited, Self::Joined, Self::Anybody];

    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Members => "history-members",
            Self::Invited => "history-invited",
            Self::Joined => "history-joined",
            Self::Anybody => "history-anybody",
        }
    }
}

/// What one may change of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct May {
    pub name: bool,
    pub topic: bool,
    pub picture: bool,
    pub access: bool,
    pub history: bool,
    pub encrypt: bool,
    pub alias: bool,
    pub upgrade: bool,
}

impl Account {
    /// The settings of a room as they are and whenever the sync brings others: what one has changed is known only then.
    pub fn room_settings(
        self: &Rc<Self>,
        id: &str,
    ) -> Result<impl Stream<Item = RoomSettings> + use<>, Problem> {
        let (account, room) = (self.clone(), self.known_room(id)?);
        Ok(stream! {
            let mut changes = room.subscribe_info();
            let mut known = None;
            loop {
                let now = account.settings_of(&room).await;
                if known.as_ref() != Some(&now) {
                    known = Some(now.clone());
                    yield now;
                }
                if changes.next().await.is_none() {
                    return;
                }
            }
        })
    }

    /// Whether a room stands in the directory of this server, of which the sync does not tell.
    pub async fn is_listed(&self, id: &str) -> bool {
        let Some(room) = self.room(id) else { return false };
        // A server that does not say so lists nothing.
        matches!(room.privacy_settings().get_room_visibility().await, Ok(Visibility::Public))
    }

    async fn settings_of(&self, room: &Room) -> RoomSettings {
        let levels = room.power_levels_or_default().await;
        let may = |kind| levels.user_can_send_state(&self.session.user, kind);
        let version = room.version().map(|version| version.to_string()).unwrap_or_default();
        RoomSettings {
            name: room.name().unwrap_or_default(),
            topic: room.topic().unwrap_or_default(),
            picture: rows::picture(room, room.is_dm()),
            alias: room.canonical_alias().map(|alias| alias.to_string()),
            access: match room.join_rule() {
                Some(JoinRule::Public) => Access::Anybody,
                Some(JoinRule::Knock) => Access::Asking,
                None | Some(JoinRule::Invite) => Access::Invited,
                Some(_) => Access::Other,
            },
            history: match room.history_visibility_or_default() {
                HistoryVisibility::WorldReadable => History::Anybody,
                HistoryVisibility::Invited => History::Invited,
                HistoryVisibility::Joined => History::Joined,
                _ => History::Members,
            },
            is_encrypted: room.encryption_state().is_encrypted(),
            is_space: room.is_space(),
            upgrade: Some(NEWEST.to_string()).filter(|newest| *newest != version && !room.is_tombstoned()),
            version,
            may: May {
                name: may(StateEventType::RoomName),
                topic: may(StateEventType::RoomTopic),
                picture: may(StateEventType::RoomAvatar),
                access: may(StateEventType::RoomJoinRules),
                history: may(StateEventType::RoomHistoryVisibility),
                encrypt: may(StateEventType::RoomEncryption),
                alias: may(StateEventType::RoomCanonicalAlias),
                upgrade: may(StateEventType::RoomTombstone),
            },
        }
    }

    pub async fn set_room_name(&self, id: &str, name: &str) -> Result<(), Problem> {
        self.known_room(id)?.set_name(name.trim().to_owned()).await?;
        Ok(())
    }

    pub async fn set_room_topic(&self, id: &str, topic: &str) -> Result<(), Problem> {
        self.known_room(id)?.set_room_topic(topic.trim()).await?;
        Ok(())
    }

    pub async fn set_room_picture(&self, id: &str, upload: Upload) -> Result<(), Problem> {
        let mime_type = upload.mime_type.parse().map_err(|_| Problem::Known("error-no-picture"))?;
        self.known_room(id)?.upload_avatar(&mime_type, upload.bytes, None).await?;
        Ok(())
    }

    pub async fn set_access(&self, id: &str, access: Access) -> Result<(), Problem> {
        let rule = match access {
            Access::Invited => JoinRule::Invite,
            Access::Asking => JoinRule::Knock,
            Access::Anybody => JoinRule::Public,
            Access::Other => return Ok(()),
        };
        Ok(self.known_room(id)?.privacy_settings().update_join_rule(rule).await?)
    }

    pub async fn set_history(&self, id: &str, history: History) -> Result<(), Problem> {
        let visibility = match history {
            History::Members => HistoryVisibility::Shared,
            History::Invited => HistoryVisibility::Invited,
            History::Joined => HistoryVisibility::Joined,
            History::Anybody => HistoryVisibility::WorldReadable,
        };
        Ok(self.known_room(id)?.privacy_settings().update_room_history_visibility(visibility).await?)
    }

    pub async fn set_listed(&self, id: &str, is_listed: bool) -> Result<(), Problem> {
        let visibility = if is_listed { Visibility::Public } else { Visibility::Private };
        Ok(self.known_room(id)?.privacy_settings().update_room_visibility(visibility).await?)
    }

    pub async fn encrypt_room(&self, id: &str) -> Result<(), Problem> {
        Ok(self.known_room(id)?.enable_encryption().await?)
    }

    /// Gives a room an address, which is its main one from then on.
    pub async fn set_alias(&self, id: &str, name: &str) -> Result<(), Problem> {
        let room = self.known_room(id)?;
        let name = name.trim().trim_start_matches('#').split(':').next().unwrap_or_default();
        let alias = format!("#{name}:{}", self.session.user.server_name());
        let alias = RoomAliasId::parse(&alias).map_err(|_| Problem::Known("error-alias"))?;
        let settings = room.privacy_settings();
        if !settings.publish_room_alias_in_room_directory(&alias).await? {
            return Err(Problem::Known("error-alias-taken"));
        }
        let mut others = room.alt_aliases();
        others.extend(room.canonical_alias());
        Ok(settings.update_canonical_alias(Some(alias), others).await?)
    }

    /// Makes a new room that follows this one, and tells its id.
    pub async fn upgrade_room(&self, id: &str) -> Result<String, Problem> {
        let room = self.known_room(id)?;
        let request = upgrade_room::v3::Request::new(room.room_id().to_owned(), NEWEST);
        Ok(self.client.send(request).await?.replacement_room.to_string())
    }
}
