//! `bump_stamp`: when there was last something in a room that a person would look at.

use hearth_rooms::{Event, Room, RoomError, TimelineRange};
use hearth_storage::{Position, TimelineOrder};

/// The types of events that count (MSC4186, "`bump_stamp`"), and the names under which clients send them today.
const BUMPING: &[&str] = &[
    "m.room.create",
    "m.room.message",
    "m.room.encrypted",
    "m.sticker",
    "m.call.invite",
    "m.poll.start",
    "m.beacon_info",
    "org.matrix.msc3381.poll.start",
    "org.matrix.msc3672.beacon_info",
];
/// How many events are looked through at most.
const MAX_LOOKED_AT: usize = 256;
/// How many at once.
const PAGE: usize = 16;

/// The stamp of a room up to a place in its timeline: the position of the last event that counts. Where there is none
/// among the newest, that since which the user is what they are to the room.
pub(super) fn bump_stamp(room: &Room, until: TimelineOrder, since: Position) -> Result<Position, RoomError> {
    let mut until = until;
    for _ in 0..MAX_LOOKED_AT / PAGE {
        let page = TimelineRange { after: None, until: Some(until), backwards: true, limit: PAGE };
        let events = room.timeline(page)?;
        let bumping = |event: &&std::sync::Arc<Event>| BUMPING.contains(&event.pdu.type_str());
        if let Some(order) = events.iter().find(bumping).and_then(|event| event.order()) {
            return Ok(order.position());
        }
        match events.last().and_then(|event| event.order()) {
            Some(oldest) if events.len() == PAGE => until = oldest.before(),
            _ => break,
        }
    }
    Ok(since)
}
