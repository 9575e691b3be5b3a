//! What a server is sent of a room in which it is behind. The rest it asks for itself
//! (`get_missing_events`), as its events tell what came before them.

use std::sync::Arc;

use hearth_rooms::{Event, Room, RoomError, Rooms, TimelineRange};
use hearth_storage::{Position, TimelineOrder};
use ruma::{ServerName, UserId};

/// At most so many events of a room.
const EVENTS: usize = 5;
/// So far back is looked for events of this server.
const LOOK_BACK: usize = 200;

/// The room's ends that this server made; if it made none of them, its newest event there. A server that is not in
/// the room any more gets what was said here of its users' memberships. `first` is where it missed something
/// first.
pub(super) fn catch_up(
    rooms: &Rooms,
    room: &Room,
    server: &ServerName,
    first: Position,
) -> Result<Vec<Arc<Event>>, RoomError> {
    let ours = |event: &Arc<Event>| event.pdu.sender().server_name() == rooms.server_name();
    if room.has_server(server)? {
        let mut ends = rooms.events(&room.head().extremities)?;
        ends.retain(ours);
        ends.truncate(EVENTS);
        if !ends.is_empty() {
            return Ok(ends);
        }
        let since = newest_since(room, first)?;
        return match since.into_iter().find(ours) {
            Some(newest) => Ok(vec![newest]),
            None => Ok(room.timeline(TimelineRange { limit: 1, ..after(before(first)) })?),
        };
    }
    let mut told = newest_since(room, first)?;
    told.retain(|event| ours(event) && addressee(event) == Some(server));
    told.truncate(EVENTS);
    told.reverse();
    Ok(told)
}

/// The server of whose user a membership event speaks.
pub(super) fn addressee(event: &Event) -> Option<&ServerName> {
    let user = event.pdu.state_key().filter(|_| event.pdu.type_str() == "m.room.member")?;
    <&UserId>::try_from(user).ok().map(UserId::server_name)
}

fn newest_since(room: &Room, first: Position) -> Result<Vec<Arc<Event>>, RoomError> {
    room.timeline(TimelineRange { backwards: true, limit: LOOK_BACK, ..after(before(first)) })
}

fn before(position: Position) -> TimelineOrder {
    TimelineOrder::from(Position(position.0.saturating_sub(1)))
}

fn after(order: TimelineOrder) -> TimelineRange {
    TimelineRange { after: Some(order), ..TimelineRange::default() }
}
