//! Events as services get them: in the format of clients, with all that `unsigned` may say of what was before.

use hearth_rooms::{Event, Room, Rooms};
use hearth_spec::{ClientForm, Membership, client_event::client_event, stripped_state_event};
use hearth_sync::STRIPPED;
use ruma::UserId;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::PushError;

#[derive(Serialize)]
struct Unsigned<'a> {
    age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_sender: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_because: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_room_state: Option<Box<RawValue>>,
}

/// An event of a room that is here. With an invite of a service's user comes which room it is.
pub(super) fn of_room(
    rooms: &Rooms,
    event: &Event,
    invites_its_user: bool,
) -> Result<Box<RawValue>, PushError> {
    let room = rooms.room_by_nid(event.room)?;
    let replaced = match (event.state, event.pdu.state_key()) {
        (Some(state), Some(key)) => room.state_event_at(state.before, event.pdu.type_str(), key)?,
        _ => None,
    };
    let redaction = event.redacted_by.map(|redaction| rooms.event(redaction)).transpose()?.flatten();
    let invites = invites_its_user && event.pdu.membership() == Some(Membership::Invite);
    let unsigned = Unsigned {
        prev_content: replaced.as_ref().and_then(|event| serde_json::from_str(event.pdu.content_str()).ok()),
        prev_sender: replaced.as_ref().map(|event| event.pdu.sender()),
        replaces_state: replaced.as_ref().map(|event| event.id().as_str()),
        redacted_because: redaction
            .map(|redaction| client_event(&redaction.pdu, ClientForm { with_room_id: true, unsigned: None })),
        invite_room_state: if invites { Some(room_state(&room, event)?) } else { None },
        ..Unsigned::with_age(rooms, event)
    };
    Ok(write(event, &unsigned))
}

/// A membership of a service's user in a room that is not here, with the stripped state that came with it.
pub(super) fn out_of_room(rooms: &Rooms, event: &Event, stripped: Option<String>) -> Box<RawValue> {
    let invite_room_state = stripped.and_then(|stripped| RawValue::from_string(stripped).ok());
    write(event, &Unsigned { invite_room_state, ..Unsigned::with_age(rooms, event) })
}

impl Unsigned<'_> {
    fn with_age(rooms: &Rooms, event: &Event) -> Self {
        Self {
            // Negative where another server's clock is ahead.
            age: rooms.now_ms() as i64 - event.ts() as i64,
            prev_content: None,
            prev_sender: None,
            replaces_state: None,
            redacted_because: None,
            invite_room_state: None,
        }
    }
}

fn write(event: &Event, unsigned: &Unsigned<'_>) -> Box<RawValue> {
    let unsigned = serde_json::to_string(unsigned).ok();
    client_event(&event.pdu, ClientForm { with_room_id: true, unsigned: unsigned.as_deref() })
}

/// What tells an invited user which room it is, as it was then.
fn room_state(room: &Room, invite: &Event) -> Result<Box<RawValue>, PushError> {
    let mut events = Vec::new();
    if let Some(state) = invite.state {
        for event_type in STRIPPED {
            events.extend(room.state_event_at(state.after, event_type, "")?);
        }
        events.extend(room.state_event_at(state.after, "m.room.member", invite.pdu.sender().as_str())?);
    }
    let mut stripped: Vec<_> = events.iter().map(|event| stripped_state_event(&event.pdu)).collect();
    stripped.push(stripped_state_event(&invite.pdu));
    Ok(serde_json::value::to_raw_value(&stripped).unwrap_or_else(|_| RawValue::NULL.to_owned()))
}
