//! What a server is sent of a room in which it is behind: all that it missed, in order, transaction by transaction.
//! One that was away for long is told where the room stands now; the rest it asks for itself
//! (`get_missing_events`), as events tell what came before them.

use std::sync::Arc;

use hearth_rooms::{Event, Room, RoomError, Rooms, TimelineRange};
use hearth_storage::{Position, Scan, TimelineOrder, schema};
use ruma::{ServerName, UserId};

/// A server that missed more events of a room was away for long.
const LONG_AWAY: usize = 1000;
/// So many events are looked through at once for those that are owed.
const LOOKED_THROUGH: usize = 500;
/// One that was away for long, or is not in the room any more, is told of at most so many events.
const EVENTS: usize = 5;

/// What is sent of a room at once.
#[derive(Debug)]
pub(super) struct Stretch {
    pub events: Vec<Arc<Event>>,
    /// Where it goes on.
    pub up_to: Position,
    /// Whether more is owed from there on.
    pub has_more: bool,
}

/// The next events, at most so many, of a room in which a server missed something first at `first`. A server that
/// is not in the room any more gets what was said here of its users' memberships.
pub(super) fn catch_up(
    rooms: &Rooms,
    room: &Room,
    server: &ServerName,
    first: Position,
    limit: usize,
) -> Result<Stretch, RoomError> {
    let ours = |event: &Arc<Event>| event.pdu.sender().server_name() == rooms.server_name();
    // What comes while this is read is not part of it.
    let end = room.head().position.next();
    let whole = |events| Stretch { events, up_to: end, has_more: false };
    if !room.has_server(server)? {
        let mut told = newest_since(room, first)?;
        told.retain(|event| ours(event) && addressee(event) == Some(server));
        told.truncate(EVENTS.min(limit));
        told.reverse();
        return Ok(whole(told));
    }
    if was_away_for_long(rooms, room, first)? {
        return match sticky_since(room, first, end, limit, ours)? {
            Some(stretch) => Ok(stretch),
            None => Ok(whole(where_it_stands(rooms, room, first, limit, ours)?)),
        };
    }
    // The first missed event is sent whoever its sender is, as this server may have relayed it; after it, only those of
    // this server's users. History that was fetched later was not missed.
    let arrived = |event: &Arc<Event>| event.order().is_some_and(|order| !order.is_history());
    let owed = |event: &Arc<Event>| arrived(event) && (ours(event) || position(event) == Some(first));
    next_since(room, first, end, limit, owed)
}

/// The next events that are sticky still, which are owed also to who was away for long (MSC4354); `None` for none.
fn sticky_since(
    room: &Room,
    first: Position,
    end: Position,
    limit: usize,
    owed: impl Fn(&Arc<Event>) -> bool,
) -> Result<Option<Stretch>, RoomError> {
    let sticky = room.sticky_since(first.before(), end)?;
    let events: Vec<_> =
        sticky.into_iter().map(|sticky| sticky.event).filter(owed).take(limit.max(1)).collect();
    let last = events.last().and_then(position);
    // Where the room stands comes after the last of them.
    Ok(last.map(|last| Stretch { events, up_to: last.next(), has_more: true }))
}

/// Whether more happened in the room since than is told one by one.
fn was_away_for_long(rooms: &Rooms, room: &Room, first: Position) -> Result<bool, RoomError> {
    let since = Scan::prefix((room.nid(),)).after((room.nid(), TimelineOrder::from(first).before()));
    let view = rooms.store().view();
    Ok(view.scan(&schema::TIMELINE, since).nth(LONG_AWAY).transpose()?.is_some())
}

/// The server of whose user a membership event speaks.
pub(super) fn addressee(event: &Event) -> Option<&ServerName> {
    let user = event.pdu.state_key().filter(|_| event.pdu.type_str() == "m.room.member")?;
    <&UserId>::try_from(user).ok().map(UserId::server_name)
}

fn next_since(
    room: &Room,
    first: Position,
    end: Position,
    limit: usize,
    owed: impl Fn(&Arc<Event>) -> bool,
) -> Result<Stretch, RoomError> {
    let mut found = room.timeline(TimelineRange { limit: LOOKED_THROUGH, ..since(first) })?;
    // What came since `end` was read is sent on its own.
    found.truncate(found.partition_point(|event| position(event).is_none_or(|at| at < end)));
    let last = found.last().filter(|_| found.len() == LOOKED_THROUGH).and_then(position);
    let mut events: Vec<_> = found.into_iter().filter(owed).take(limit + 1).collect();
    let rest = match events.len() > limit {
        true => events.pop().as_ref().and_then(position),
        false => last.map(Position::next),
    };
    Ok(Stretch { events, up_to: rest.unwrap_or(end), has_more: rest.is_some() })
}

/// The room's ends that this server made; if it made none of them, its newest event there.
fn where_it_stands(
    rooms: &Rooms,
    room: &Room,
    first: Position,
    limit: usize,
    ours: impl Fn(&Arc<Event>) -> bool,
) -> Result<Vec<Arc<Event>>, RoomError> {
    let mut ends = rooms.events(&room.head().extremities)?;
    ends.retain(&ours);
    ends.truncate(EVENTS.min(limit));
    if !ends.is_empty() {
        return Ok(ends);
    }
    match newest_since(room, first)?.into_iter().find(ours) {
        Some(newest) => Ok(vec![newest]),
        None => room.timeline(TimelineRange { limit: 1, ..since(first) }),
    }
}

fn newest_since(room: &Room, first: Position) -> Result<Vec<Arc<Event>>, RoomError> {
    room.timeline(TimelineRange { backwards: true, limit: LOOKED_THROUGH, ..since(first) })
}

fn position(event: &Arc<Event>) -> Option<Position> {
    event.order().map(|order| order.position())
}

fn since(first: Position) -> TimelineRange {
    TimelineRange { after: Some(TimelineOrder::from(first).before()), ..TimelineRange::default() }
}
