//! Which servers may ask about a room.

use std::sync::Arc;

use hearth_http::{MatrixError, Result};
use hearth_rooms::{Event, Room};
use hearth_spec::Pdu;
use ruma::{RoomId, ServerName};

use crate::Federation;

/// A room for a server that its access control lets in.
pub(crate) fn open_room(federation: &Federation, origin: &ServerName, id: &RoomId) -> Result<Room> {
    let room = federation.rooms().find_room(id)?.ok_or_else(unknown_room)?;
    match room.may_take_part(origin)? {
        true => Ok(room),
        false => Err(MatrixError::forbidden("Your server is shut out of that room.")),
    }
}

/// The same for a room that users of this server are in, so that this server can speak for it.
pub(crate) fn live_room(federation: &Federation, origin: &ServerName, id: &RoomId) -> Result<Room> {
    let room = open_room(federation, origin, id)?;
    match room.is_here() {
        true => Ok(room),
        false => Err(unknown_room()),
    }
}

/// The same for a room all of whose state is here, so that this server can say who may do what there.
pub(crate) fn whole_room(federation: &Federation, origin: &ServerName, id: &RoomId) -> Result<Room> {
    let room = live_room(federation, origin, id)?;
    match room.is_partial() {
        true => Err(MatrixError::not_found("This server does not know the members of that room yet.")),
        false => Ok(room),
    }
}

/// The same for a room that users of the asking server are in.
pub(crate) fn shared_room(federation: &Federation, origin: &ServerName, id: &RoomId) -> Result<Room> {
    let room = open_room(federation, origin, id)?;
    match room.has_server(origin)? {
        true => Ok(room),
        false => Err(MatrixError::forbidden("Your server is not in that room.")),
    }
}

pub(crate) fn unknown_room() -> MatrixError {
    MatrixError::not_found("This server is not in that room.")
}

pub(crate) fn unknown_event() -> MatrixError {
    MatrixError::not_found("There is no such event here.")
}

/// Events as a server may see them: those of a time that it may not read are redacted, as the graph needs them.
///
/// So are those of users of this server who wished to be erased, where the server came later.
pub(crate) fn seen_by(
    federation: &Federation,
    room: &Room,
    origin: &ServerName,
    events: &[Arc<Event>],
) -> Result<Vec<Arc<Pdu>>> {
    let visible = room.visible_to_server(origin, events)?;
    let erased = federation.users().accounts.erased();
    let seen = events.iter().zip(visible).map(|(event, visible)| {
        let whole = match erased.get(event.pdu.sender()) {
            Some(position) => room.server_knew(origin, event, *position)?,
            None => true,
        };
        // What only stands in auth chains is state, whose keys for the rules are no secret to who is in the room.
        match whole && (visible || event.state.is_none()) {
            true => Ok(event.pdu.clone()),
            false => Ok(event.emptied()?.pdu.clone()),
        }
    });
    seen.collect()
}
