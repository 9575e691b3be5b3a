//! A room to which the user is invited, or on which the user has knocked: its stripped state (client-server API,
//! "Stripped state").

use hearth_rooms::Room;
use hearth_spec::{InviteRule, stripped_state_event};
use hearth_storage::RoomNid;
use ruma::{OwnedUserId, UserId};
use serde::Deserialize;

use crate::{EventForm, SyncError, json::Array, scope::Scope};

/// The types of the state events that tell a user which room it is.
pub const STRIPPED: &[&str] = &[
    "m.room.create",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.encryption",
];

/// What someone who is not in a room is told of it.
pub(crate) struct StrippedRoom {
    /// The events as a JSON array.
    pub events: String,
}

/// A room to which the user is invited, or on which the user has knocked; `None` where the user is not to be told of
/// an invite by its sender.
pub(crate) fn stripped_room(
    scope: &Scope<'_>,
    nid: RoomNid,
    room: Option<&Room>,
) -> Result<Option<StrippedRoom>, SyncError> {
    // What came with the invite is all that is known of a room that is not here.
    let row = scope.rooms.user_room(scope.user, nid)?;
    let came = row.and_then(|row| row.stripped_state);
    let (sender, events) = match (came, room) {
        (Some(came), _) => (sender_of(&came, scope.user), came),
        (None, Some(room)) => of_room(scope, room)?,
        (None, None) => (None, "[]".to_owned()),
    };
    let told = match sender.filter(|sender| sender != scope.user) {
        Some(sender) => {
            let filter = scope.users.account_data.invite_filter(scope.user)?;
            !scope.ignored.contains(&sender) && filter.judge(&sender) == InviteRule::Allow
        }
        // The user's own knock.
        None => true,
    };
    Ok(told.then_some(StrippedRoom { events }))
}

/// Who sent the user's membership, and the stripped state of a room as an array.
fn of_room(scope: &Scope<'_>, room: &Room) -> Result<(Option<OwnedUserId>, String), SyncError> {
    let state = room.state_at_position(scope.upto.log)?;
    let mut out = String::new();
    let mut events = Array::open(&mut out);
    for event_type in STRIPPED {
        if let Some(event) = room.state_event_at(state, event_type, "")? {
            events.item().push_str(stripped_state_event(&event.pdu).get());
        }
    }
    let member = room.state_event_at(state, "m.room.member", scope.user.as_str())?;
    let sender = member.as_ref().map(|member| member.pdu.sender().to_owned());
    if let Some(sender) = sender.as_deref().filter(|sender| *sender != scope.user)
        && let Some(event) = room.state_event_at(state, "m.room.member", sender.as_str())?
    {
        events.item().push_str(stripped_state_event(&event.pdu).get());
    }
    if let Some(member) = member {
        // Whole: it is the user's own, and says when.
        scope.client_events(room).write_state(&member, EventForm::WithoutRoomId, events.item())?;
    }
    events.close();
    Ok((sender, out))
}

/// Who sent the membership of a user, by stripped state that came with it.
fn sender_of(stripped: &str, user: &UserId) -> Option<OwnedUserId> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        event_type: String,
        state_key: Option<String>,
        sender: OwnedUserId,
    }
    let events: Vec<serde_json::Value> = serde_json::from_str(stripped).ok()?;
    let events = events.into_iter().filter_map(|event| serde_json::from_value::<Event>(event).ok());
    let mut members = events.filter(|event| event.event_type == "m.room.member");
    members.find(|event| event.state_key.as_deref() == Some(user.as_str())).map(|event| event.sender)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn the_sender_of_an_invite_is_found_in_what_came_with_it() {
        let stripped = r#"[{"type":"m.room.name","sender":"@a:h.org"},"odd",
            {"type":"m.room.member","state_key":"@a:h.org","sender":"@a:h.org"},
            {"type":"m.room.member","state_key":"@me:h.org","sender":"@b:h.org"}]"#;
        assert_eq!(sender_of(stripped, user_id!("@me:h.org")).as_deref(), Some(user_id!("@b:h.org")));
        assert_eq!(sender_of("{}", user_id!("@me:h.org")), None);
    }
}
