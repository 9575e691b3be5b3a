//! What tells those who are not in a room which one it is ("Stripped state").

use std::sync::Arc;

use hearth_http::Result;
use hearth_rooms::{Event, Room};
use hearth_spec::{Pdu, RoomVersion, stripped_state_event};
use hearth_sync::STRIPPED;
use ruma::{RoomId, api::federation::membership::RawStrippedState};
use serde_json::value::RawValue;

use crate::{Federation, joining::stripped_state, server::membership::submitted::invalid};

/// At most so many events are read; servers send about ten.
const MAX_EVENTS: usize = 50;

/// The state that a room tells, as whole events.
pub(crate) fn of(room: &Room) -> Result<Vec<Arc<Event>>> {
    let mut told = Vec::with_capacity(STRIPPED.len());
    for event_type in STRIPPED {
        told.extend(room.state_event(event_type, "")?);
    }
    Ok(told)
}

/// What came with an invite as clients are given it, a JSON array, the invite itself last.
///
/// Whole events are checked: they are of the room, and signed. In rooms whose create event makes their id, nothing else
/// is let through; in older ones, what other servers strip before they send it is taken as it is.
pub(super) async fn received(
    federation: &Federation,
    version: RoomVersion,
    invite: &Pdu,
    came: &[RawStrippedState],
) -> Result<String> {
    let came = &came[..came.len().min(MAX_EVENTS)];
    let whole = came.iter().filter_map(|event| match event {
        RawStrippedState::Pdu(json) => Some(parsed(version, invite.room_id(), json)),
        _ => None,
    });
    let whole = whole.collect::<Result<Vec<Pdu>>>()?;
    if version.room_id_is_create_event_id() {
        if !whole.iter().any(|event| event.type_str() == "m.room.create") {
            return Err(invalid("`invite_room_state` has no `m.room.create` event."));
        }
        if whole.len() < came.len() {
            return Err(invalid("`invite_room_state` has what is no event of the room's version."));
        }
    }
    for event in federation.keys().verify(invite.sender().server_name(), version, whole).await {
        event.map_err(|error| invalid(format!("in `invite_room_state`: {error}")))?;
    }
    Ok(with_invite(stripped_state(came), invite))
}

/// An array of stripped state with the invite after it, from which clients know who invites.
fn with_invite(mut state: String, invite: &Pdu) -> String {
    state.truncate(state.trim_end_matches(']').len());
    if state.len() > 1 {
        state.push(',');
    }
    state.push_str(stripped_state_event(invite).get());
    state.push(']');
    state
}

fn parsed(version: RoomVersion, room: &RoomId, json: &RawValue) -> Result<Pdu> {
    let event = Pdu::parse(version, json.get()).map_err(|error| invalid(error.to_string()))?;
    match event.room_id() == room {
        true => Ok(event),
        false => Err(invalid("`invite_room_state` has an event of another room.")),
    }
}
