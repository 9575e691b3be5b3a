//! The timeline of a room in a response: the newest events that are wanted and may be seen.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Event, Room, RoomError};
use hearth_storage::TimelineOrder;
use ruma::{OwnedUserId, UserId};

use crate::{filter::EventFilter, token::TimelineToken};

/// How many events are looked through at most for some that pass.
const MAX_LOOKED_AT: usize = 1000;

/// A stretch of a room's timeline, and who looks at it.
pub(crate) struct TimelineRequest<'a> {
    pub room: &'a Room,
    pub user: &'a UserId,
    pub filter: EventFilter<'a>,
    pub ignored: &'a HashSet<OwnedUserId>,
    /// Where what was told ends; `None` to look back as far as needed.
    pub after: Option<TimelineOrder>,
    /// The last event that may be told.
    pub until: TimelineOrder,
}

/// What is told of a timeline.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    /// There are earlier ones that were not told.
    pub limited: bool,
    /// Some were passed over: they are not wanted, or not to be seen.
    pub passed_over: bool,
    /// The place before the first event; none in a room that is not here.
    pub prev_batch: Option<TimelineToken>,
}

impl TimelineRequest<'_> {
    pub fn read(&self) -> Result<Timeline, RoomError> {
        let limit = self.filter.limit();
        let mut events: Vec<Arc<Event>> = Vec::new();
        let mut from = TimelineToken::after(self.until);
        if !self.filter.takes_room(self.room.id()) {
            return Ok(Timeline { events, limited: false, passed_over: true, prev_batch: Some(from) });
        }
        // What came after a gap is not told with what came before it, as if it followed.
        let gap = self.room.gap_within(self.after, self.until)?;
        let to = gap.map(TimelineToken::before).or(self.after.map(TimelineToken::after));
        let mut looked_at = 0;
        let (mut limited, mut passed_over) = (gap.is_some(), false);
        loop {
            let wanted = limit + 1 - events.len();
            let found = self.room.timeline(from.range(to, true, wanted))?;
            let (oldest, count) = (found.last().and_then(|event| event.order()), found.len());
            let seen = self.seen_of(found)?;
            passed_over |= seen.len() < count;
            events.extend(seen);
            looked_at += count;
            if events.len() > limit {
                events.truncate(limit);
                limited = true;
                break;
            }
            match oldest {
                Some(oldest) if count == wanted => from = TimelineToken::before(oldest),
                _ => break,
            }
            if looked_at >= MAX_LOOKED_AT {
                limited = true;
                break;
            }
        }
        let first = events.last().and_then(|event| event.order());
        let prev_batch = match (first, limited) {
            (Some(first), _) => TimelineToken::before(first),
            (None, true) => from,
            (None, false) => to.unwrap_or(TimelineToken::after(self.until)),
        };
        events.reverse();
        Ok(Timeline { events, limited, passed_over, prev_batch: Some(prev_batch) })
    }

    fn seen_of(&self, mut events: Vec<Arc<Event>>) -> Result<Vec<Arc<Event>>, RoomError> {
        events.retain(|event| {
            self.filter.matches(event) && (event.pdu.is_state() || !self.ignored.contains(event.pdu.sender()))
        });
        if events.is_empty() { Ok(events) } else { self.room.visible_to(self.user, events) }
    }
}
