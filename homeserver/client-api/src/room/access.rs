//! Who may use, read or find a room.

use std::time::Duration;

use hearth_rooms::{Room, Rooms};
use hearth_spec::Membership as InEvent;
use hearth_storage::{EventNid, StateId, TimelineOrder, schema::rooms::Membership};
use ruma::{RoomId, UserId};

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

/// A room that stands as it is known here: a user of this server is in it, or nobody is any more. What is known of
/// another is from the past.
pub(crate) fn current_room(rooms: &Rooms, id: &RoomId) -> Result<Option<Room>> {
    let Some(room) = rooms.find_room(id)? else { return Ok(None) };
    let current = room.is_here() || room.some_servers(1, |_| true)?.is_empty();
    Ok(current.then_some(room))
}

/// The refusal of who is not in a room.
pub(crate) fn not_in_room() -> MatrixError {
    MatrixError::forbidden("You are not in that room.")
}

/// For endpoints that are open to those who are not in a room.
pub(crate) fn unknown_room() -> MatrixError {
    MatrixError::not_found("There is no such room.")
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

/// How long a request waits for the members of a room that came without them.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same with all members: for a room that came without them, once they are here.
pub(crate) async fn readable_whole(rooms: &Rooms, user: &UserId, id: &RoomId) -> Result<Readable> {
    let now = readable(rooms, user, id)?;
    // Where nobody is any more they come no more.
    if !now.room.is_partial() || !now.room.is_here() {
        return Ok(now);
    }
    when_whole(&now.room).await?;
    readable(rooms, user, id)
}

/// Waits for the members of a room.
pub(crate) async fn when_whole(room: &Room) -> Result<()> {
    let waited = tokio::time::timeout(PATIENCE, room.when_whole()).await;
    waited.map_err(|_| MatrixError::unavailable("The members of the room are not here yet: try again later."))
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
