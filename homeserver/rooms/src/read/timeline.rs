//! Reading the timeline of a room.

use std::sync::Arc;

use hearth_storage::{Scan, TimelineOrder, schema};

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::Room},
};

/// A stretch of a timeline.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimelineRange {
    /// Only events after this one.
    pub after: Option<TimelineOrder>,
    /// Only events up to this one, itself included.
    pub until: Option<TimelineOrder>,
    /// Newest first, from the end of the stretch.
    pub backwards: bool,
    /// At most so many.
    pub limit: usize,
}

impl Room {
    /// The events of a stretch of the timeline, in the order asked for.
    pub fn timeline(&self, range: TimelineRange) -> Result<Vec<Arc<Event>>, RoomError> {
        if let Some(after) = range.after
            && let Some(mut newest) = self.recent(after)
        {
            if let Some(until) = range.until {
                newest.retain(|(order, _)| *order <= until);
            }
            if !range.backwards {
                newest.reverse();
            }
            let nids: Vec<_> = newest.into_iter().take(range.limit).map(|(_, nid)| nid).collect();
            return self.shared().events_of(&nids);
        }
        let mut scan = Scan::prefix((self.nid(),));
        if let Some(after) = range.after {
            scan = scan.after((self.nid(), after));
        }
        // Never past what is durable, even where nothing bounds the stretch.
        let head = TimelineOrder::from(self.head().position);
        let until = range.until.map_or(head, |until| until.min(head));
        scan = scan.through((self.nid(), until));
        if range.backwards {
            scan = scan.reversed();
        }
        let view = &self.shared().view;
        let nids = view.scan(&schema::TIMELINE, scan).take(range.limit).map(|row| row.map(|(_, nid)| nid));
        self.shared().events_of(&nids.collect::<Result<Vec<_>, _>>()?)
    }

    /// The event nearest to a time in milliseconds: the first at or after it, or looking backwards the last
    /// at or before it.
    pub fn event_near(&self, ts: u64, backwards: bool) -> Result<Option<Arc<Event>>, RoomError> {
        let scan = Scan::prefix((self.nid(),));
        let scan = if backwards {
            scan.through((self.nid(), ts, TimelineOrder::MAX)).reversed()
        } else {
            scan.from((self.nid(), ts, TimelineOrder::MIN))
        };
        let view = &self.shared().view;
        match view.scan(&schema::TIMESTAMPS, scan).next().transpose()? {
            Some((_, nid)) => self.shared().referred(nid).map(Some),
            None => Ok(None),
        }
    }
}
