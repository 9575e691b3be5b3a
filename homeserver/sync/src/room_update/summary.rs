//! How a room without a name is called, and how many are in it (client-server API, "Syncing", `summary`).

use hearth_rooms::Room;
use hearth_storage::StateId;
use ruma::{OwnedUserId, UserId};

use crate::SyncError;

/// Of the members of a room.
pub(crate) struct Summary {
    /// By whom it is called; `None` where it has a name.
    pub heroes: Option<Vec<OwnedUserId>>,
    pub joined: u64,
    pub invited: u64,
}

impl Summary {
    /// The summary for a user as of a set of state.
    pub fn read(room: &Room, state: StateId, user: &UserId) -> Result<Self, SyncError> {
        let members = room.members_at(state, user)?;
        let heroes = if has_name(room, state)? { None } else { Some(members.heroes) };
        Ok(Self { heroes, joined: members.joined, invited: members.invited })
    }
}

/// Whether a room is called by a name of its own, and not by its members.
fn has_name(room: &Room, state: StateId) -> Result<bool, SyncError> {
    for (event_type, field) in [("m.room.name", "name"), ("m.room.canonical_alias", "alias")] {
        let event = room.state_event_at(state, event_type, "")?;
        let content =
            event.and_then(|event| serde_json::from_str::<serde_json::Value>(event.pdu.content_str()).ok());
        let name = content.as_ref().and_then(|content| content.get(field)?.as_str());
        if name.is_some_and(|name| !name.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}
