//! Who may use, read or find a room.

use hearth_rooms::{Room, RoomSummary, Rooms};
use hearth_spec::Membership as InEvent;
use hearth_storage::{EventNid, StateId, TimelineOrder, schema::rooms::Membership};
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedRoomOrAliasId, RoomId, UserId};

use crate::{MatrixError, Result};

/// A room for its members. Whoever names a room that is not here is told the same as who is not in it, so that
/// nobody learns which rooms there are.
pub(crate) fn room(rooms: &Rooms, id: &RoomId) -> Result<Room> {
    rooms.find_room(id)?.ok_or_else(not_in_room)
}

/// A room that a user is joined to.
pub(crate) fn joined_room(rooms: &Rooms, user: &UserId, id: &RoomId) -> Result<Room> {
    let room = room(rooms, id)?;
    match room.is_joined(user)? {
        true => Ok(room),
        false => Err(not_in_room()),
    }
}

/// A room by its id or one of its aliases; 404 where there is none.
pub(crate) fn named_room(rooms: &Rooms, name: OwnedRoomOrAliasId) -> Result<Room> {
    let id = match OwnedRoomId::try_from(name) {
        Ok(id) => id,
        Err(alias) => {
            let row = rooms.resolve_alias(&alias)?;
            row.ok_or_else(|| MatrixError::not_found("There is no such room alias."))?.room_id
        }
    };
    rooms.find_room(&id)?.ok_or_else(unknown_room)
}

/// The refusal of who is not in a room.
pub(crate) fn not_in_room() -> MatrixError {
    MatrixError::forbidden("You are not in that room.")
}

/// For endpoints that are open to those who are not in a room.
pub(crate) fn unknown_room() -> MatrixError {
    MatrixError::not_found("There is no such room.")
}

/// What would need another server, while this one talks to none.
pub(crate) fn elsewhere() -> MatrixError {
    MatrixError::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", "This server does not reach other servers.")
}

/// The part of a room that a user may read.
pub(crate) struct Readable {
    pub(crate) room: Room,
    /// The current state, or for who has left, the state then.
    pub(crate) state: StateId,
    /// The user's leave, for who has left.
    pub(crate) until: Option<TimelineOrder>,
}

/// How many changes of membership are looked back over for the time when a user was joined.
const MAX_STEPS: usize = 16;

/// What a user may read of a room: all for who is joined, or if anyone may; for former members what was there
/// until they left, unless they forgot the room.
pub(crate) fn readable(rooms: &Rooms, user: &UserId, id: &RoomId) -> Result<Readable> {
    let room = room(rooms, id)?;
    let row = rooms.user_room(user, room.nid())?;
    let joined = row.as_ref().is_some_and(|row| row.membership == Membership::Join);
    if !joined
        && let Some(row) = row
        && !row.forgotten
        && let Some((state, until)) = at_leave(rooms, &room, user, row.event)?
    {
        return Ok(Readable { room, state, until });
    }
    if joined || room.is_world_readable()? {
        let state = room.head().state;
        return Ok(Readable { room, state, until: None });
    }
    Err(not_in_room())
}

/// The state right after a user last left, and where that is in the timeline; `None` for who never was joined.
/// `last` is the user's newest membership event.
fn at_leave(
    rooms: &Rooms,
    room: &Room,
    user: &UserId,
    last: EventNid,
) -> Result<Option<(StateId, Option<TimelineOrder>)>> {
    let mut event = rooms.event(last)?;
    // An invite, a knock or a ban may have come after the leave.
    for _ in 0..MAX_STEPS {
        let Some(change) = event else { return Ok(None) };
        let Some(around) = change.state else { return Ok(None) };
        let before = room.state_event_at(around.before, "m.room.member", user.as_str())?;
        if before.as_ref().and_then(|event| event.pdu.membership()) == Some(InEvent::Join) {
            return Ok(Some((around.after, change.order())));
        }
        event = before;
    }
    Ok(None)
}

/// Whether someone may learn of a room what its summary says (the conditions of `GET /hierarchy`): members, who
/// could become one, and everyone where anyone may read. `None` is someone without an account.
pub(crate) fn may_discover(
    rooms: &Rooms,
    room: &Room,
    summary: &RoomSummary,
    user: Option<&UserId>,
) -> Result<bool> {
    if summary.world_readable {
        return Ok(true);
    }
    let rules = &room.version().rules().authorization;
    let open = match summary.join_rule.as_str() {
        "public" => true,
        "knock" => rules.knocking,
        "knock_restricted" => rules.knock_restricted_join_rule,
        _ => false,
    };
    let Some(user) = user else { return Ok(open) };
    match room.membership(user)?.map(|row| row.membership) {
        Some(Membership::Join | Membership::Invite) => Ok(true),
        Some(Membership::Ban) => Ok(false),
        _ => Ok(open || rooms.allowed_by_restriction(room, user)?),
    }
}
