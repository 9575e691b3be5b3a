//! Where history is missing.

use hearth_storage::{Scan, TimelineOrder, schema};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    read::{reading::Reader, room::Room},
};

impl Room {
    /// The place of the newest event of a stretch of the timeline before which some are missing.
    pub fn gap_within(
        &self,
        after: Option<TimelineOrder>,
        until: TimelineOrder,
    ) -> Result<Option<TimelineOrder>, RoomError> {
        // Mostly there is none among the newest events, which all who are online ask for.
        if after.is_some_and(|after| !self.0.may_have_gap_after(after)) {
            return Ok(None);
        }
        let until = until.min(self.head().position.into());
        let mut scan = Scan::prefix((self.nid(),)).through((self.nid(), until)).reversed();
        if let Some(after) = after {
            scan = scan.after((self.nid(), after));
        }
        let found = self.shared().view.scan(&schema::GAPS, scan).next().transpose()?;
        Ok(found.map(|((_, order), ())| order))
    }

    /// The events that are missing before the one at a place.
    pub fn missing_before(&self, gap: TimelineOrder) -> Result<Vec<OwnedEventId>, RoomError> {
        let row = self.shared().view.get(&schema::TIMELINE, (self.nid(), gap))?;
        let Some(nid) = row else { return Ok(Vec::new()) };
        missing(&**self.shared(), self.shared().referred(nid)?.pdu.prev_events())
    }

    /// Whether an event is part of the room's graph here, or was until it was purged: it is not to be fetched.
    pub fn is_known(&self, id: &EventId) -> Result<bool, RoomError> {
        Ok(!self.shared().is_missing(id)?)
    }
}

/// Those of the events that are not part of the graph here, and could be fetched.
pub(crate) fn missing(reader: &impl Reader, ids: &[OwnedEventId]) -> Result<Vec<OwnedEventId>, RoomError> {
    let mut missing = Vec::new();
    for id in ids {
        if reader.is_missing(id)? {
            missing.push(id.clone());
        }
    }
    Ok(missing)
}

/// Those of the events at which the state is not known.
pub(crate) fn without_state(
    reader: &impl Reader,
    ids: &[OwnedEventId],
) -> Result<Vec<OwnedEventId>, RoomError> {
    let mut without = Vec::new();
    for id in ids {
        if reader.lacks_state(id)? {
            without.push(id.clone());
        }
    }
    Ok(without)
}
