//! What redacted events said, kept for a while for those who moderate a room
//! ([MSC2815](https://github.com/matrix-org/matrix-spec-proposals/pull/2815)).
//!
//! It is kept by the day on which it was redacted, in UTC. A timer deletes all of a day: one for a day, set with the first.

use std::sync::Arc;

use hearth_spec::{Pdu, redact};
use hearth_storage::{
    Change, EventNid, Scan, StorageError,
    schema::{self, timers::Timer},
    timers::Fired,
};

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::RoomInner, rooms::Rooms},
    write::{delayed::DAY_MS, staged::Staged},
};

/// For so many days, besides the one on which it was redacted, it is kept.
const KEPT_DAYS: u64 = 7;
/// So many are deleted in one commit.
const AT_ONCE: usize = 500;

impl RoomInner {
    /// Takes away what an event says, because of a redaction, and keeps it.
    pub fn redact(&self, staged: &mut Staged, event: &Event, because: EventNid) -> Result<(), RoomError> {
        let day = staged.shared().clock.now_ms() / DAY_MS;
        staged.tx.put(&schema::REDACTED, (day, event.nid), &event.pdu.text().to_owned());
        staged.tx.set_timer_once((day + 1 + KEPT_DAYS) * DAY_MS, &Timer::ForgetRedacted { day })?;
        staged.put_event(event.redacted(redact(&event.pdu, event.pdu.version())?, because));
        staged.changes.push(Change::Redacted { room: self.nid, event: event.nid });
        self.unrelate(&mut staged.tx, event)
    }
}

/// Keeps no longer what an event said that is purged.
pub(crate) fn forget(staged: &mut Staged, event: &Event) {
    if event.redacted_by.is_some() {
        let today = staged.shared().clock.now_ms() / DAY_MS;
        for day in today.saturating_sub(KEPT_DAYS)..=today {
            staged.tx.delete(&schema::REDACTED, (day, event.nid));
        }
    }
}

impl Rooms {
    /// For how long at least what was redacted is kept, in milliseconds.
    pub const REDACTED_KEPT_MS: u64 = KEPT_DAYS * DAY_MS;

    /// An event as it was before it was redacted; `None` where that is not kept any more.
    pub fn unredacted(&self, event: &Event) -> Result<Option<Arc<Event>>, RoomError> {
        let (view, today) = (&self.shared.view, self.now_ms() / DAY_MS);
        for day in today.saturating_sub(KEPT_DAYS)..=today {
            if let Some(text) = view.get(&schema::REDACTED, (day, event.nid))? {
                let pdu = Pdu::from_stored(event.pdu.version(), text.into(), event.id().to_owned());
                let pdu = pdu.map_err(|error| StorageError::Corrupt(format!("a redacted event: {error}")))?;
                return Ok(Some(Arc::new(event.saying(pdu))));
            }
        }
        Ok(None)
    }

    /// Deletes some of what was redacted up to a day.
    pub(crate) async fn forget_redacted(&self, day: u64) -> Result<Fired, RoomError> {
        let view = self.shared.store.view();
        let keys = view
            .scan(&schema::REDACTED, Scan::all().until((day + 1, EventNid(0))))
            .map(|row| row.map(|(key, _)| key))
            .take(AT_ONCE)
            .collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.shared.store.begin()?;
        keys.iter().for_each(|key| tx.delete(&schema::REDACTED, *key));
        tx.submit().await?;
        Ok(if keys.len() < AT_ONCE { Fired::Done } else { Fired::More })
    }
}
