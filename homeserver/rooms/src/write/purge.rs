//! Purging what was sent long ago, so that the disk has room again.

use std::sync::{Arc, atomic::Ordering};

use hearth_storage::{
    Change, Position, RoomNid, Scan, StorageError, TimelineOrder, schema,
    schema::rooms::{EventRow, Standing},
};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Room, RoomInner},
    },
    write::{redacted, relations::forget_children, staged::Staged},
};

/// How many events are purged in one commit.
const AT_ONCE: usize = 500;

/// How far a purge came.
pub(crate) struct Purged {
    /// How many events were purged.
    pub count: u64,
    /// What stands after this place is left, if anything is.
    pub rest: Option<TimelineOrder>,
}

impl Room {
    /// Purges what was sent before a place of the timeline, and gives how many events that were. It is never fetched
    /// again, and who pages back comes to an end there.
    ///
    /// State events stay, outside of the timeline: later events stand on them. The ends of the graph, where the next
    /// event goes on, stay where they are, and so does the newest event.
    pub async fn purge_before(&self, place: TimelineOrder) -> Result<u64, RoomError> {
        let (mut count, mut after) = (0, TimelineOrder::MIN);
        loop {
            let purged = self.purge_some(after, place, false).await?;
            count += purged.count;
            match purged.rest {
                Some(place) => after = place,
                None => return Ok(count),
            }
        }
    }

    /// Purges some of what stands between two places; not what users of this server sent, if that is to stay.
    pub(crate) async fn purge_some(
        &self,
        after: TimelineOrder,
        before: TimelineOrder,
        keep_own: bool,
    ) -> Result<Purged, RoomError> {
        let _turn = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        let (some, rest) = self.0.to_purge(&staged, after, before, keep_own)?;
        if some.is_empty() {
            return Ok(Purged { count: 0, rest });
        }
        for (order, event) in &some {
            self.0.purge(&mut staged, *order, event)?;
        }
        self.0.forget_states(&mut staged, before)?;
        staged.tx.put(&schema::PURGES, (self.nid(),), &before);
        let commit = staged.tx.submit();
        drop(head);
        commit.await?;
        self.shared().purged.store(true, Ordering::Relaxed);
        Ok(Purged { count: some.len() as u64, rest })
    }
}

/// Events that are to be purged, with their places.
type Doomed = Vec<(TimelineOrder, Arc<Event>)>;

impl RoomInner {
    /// What is to be purged of the next events, and the place after which others are left.
    fn to_purge(
        &self,
        staged: &Staged,
        after: TimelineOrder,
        before: TimelineOrder,
        keep_own: bool,
    ) -> Result<(Doomed, Option<TimelineOrder>), RoomError> {
        let scan: Scan<(RoomNid, TimelineOrder)> =
            Scan::prefix((self.nid,)).after((self.nid, after)).until((self.nid, before));
        let newest = TimelineOrder::from(staged.head.position);
        let (mut some, mut looked_at, mut last) = (Vec::new(), 0, after);
        for row in staged.tx.scan(&schema::TIMELINE, scan).take(AT_ONCE) {
            let ((_, order), nid) = row?;
            (looked_at, last) = (looked_at + 1, order);
            if order == newest || staged.head.extremities.contains(&nid) {
                continue;
            }
            let event = staged.referred(nid)?;
            if !keep_own || event.pdu.sender().server_name() != self.shared.server_name {
                some.push((order, event));
            }
        }
        Ok((some, (looked_at == AT_ONCE).then_some(last)))
    }

    fn purge(&self, staged: &mut Staged, order: TimelineOrder, event: &Event) -> Result<(), RoomError> {
        redacted::forget(staged, event);
        self.take_out(staged, order, event)?;
        forget_children(&mut staged.tx, self.nid, event.id())?;
        staged.tx.put(&schema::EVENTS, (event.nid,), &event.purged_row());
        Ok(())
    }

    /// Takes an event out of its place in the timeline, and out of what is indexed by it.
    pub fn take_out(
        &self,
        staged: &mut Staged,
        order: TimelineOrder,
        event: &Event,
    ) -> Result<(), RoomError> {
        let tx = &mut staged.tx;
        tx.append(&Change::Purged { room: self.nid, event: event.nid });
        tx.delete(&schema::TIMELINE, (self.nid, order));
        tx.delete(&schema::TIMESTAMPS, (self.nid, event.ts(), order));
        tx.delete(&schema::GAPS, (self.nid, order));
        for prev in event.pdu.prev_events() {
            tx.delete(&schema::MISSING_PREV, (self.nid, prev, event.nid));
        }
        self.unrelate(tx, event)?;
        if let Some(target) = event.pdu.redacts() {
            tx.delete(&schema::PENDING_REDACTIONS, (target, event.nid));
        }
        Ok(())
    }

    /// Which state was current before a place is asked for no more; only the last of them counts on.
    fn forget_states(&self, staged: &mut Staged, place: TimelineOrder) -> Result<(), RoomError> {
        let scan: Scan<(RoomNid, Position)> =
            Scan::prefix((self.nid,)).until((self.nid, place.position())).reversed();
        let old = staged.tx.scan(&schema::STATE_HISTORY, scan).skip(1).map(|row| row.map(|(key, _)| key));
        for key in old.collect::<Result<Vec<_>, StorageError>>()? {
            staged.tx.delete(&schema::STATE_HISTORY, key);
        }
        Ok(())
    }
}

impl Event {
    /// What is kept of it once it is purged.
    fn purged_row(&self) -> EventRow {
        let text = if self.pdu.is_state() { self.pdu.text().to_owned() } else { String::new() };
        EventRow {
            room: self.room,
            event_id: self.id().to_owned(),
            standing: Standing::Purged,
            order: None,
            state: None,
            redacted_by: self.redacted_by,
            sent_by: None,
            text,
        }
    }
}
