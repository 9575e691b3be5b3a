//! Indexing events that relate to others.

use hearth_storage::{
    RoomNid, TimelineOrder, Transaction,
    schema::{
        self,
        rooms::{OwnedEventIdValue, RelationRow, ThreadRow},
    },
};
use ruma::{EventId, OwnedEventId};

use crate::{
    RoomError,
    read::{
        event::Event,
        relations::{Relation, RelationFilter, THREAD, thread},
        room::RoomInner,
        timeline::TimelineRange,
    },
};

/// Participants of a thread that are remembered; beyond them `current_user_participated` may miss one.
const MAX_PARTICIPANTS: usize = 256;

impl RoomInner {
    /// Writes the indexes of an event that relates to another.
    pub fn relate(&self, tx: &mut Transaction, event: &Event, order: TimelineOrder) -> Result<(), RoomError> {
        let Some(relation) = Relation::of(event.pdu.content().get()) else { return Ok(()) };
        if event.pdu.is_state() {
            return Ok(());
        }
        let row = RelationRow {
            rel_type: relation.rel_type.clone(),
            event_type: event.pdu.type_str().to_owned(),
            sender: event.pdu.sender().to_owned(),
        };
        tx.put(&schema::RELATIONS, (self.nid, &relation.parent, order, event.nid), &row);
        if relation.rel_type == THREAD {
            let mut thread = thread(tx, self.nid, &relation.parent)?.unwrap_or(ThreadRow {
                latest: order,
                count: 0,
                participants: Vec::new(),
            });
            tx.delete(&schema::THREADS_BY_ACTIVITY, (self.nid, thread.latest));
            // History comes later than what came after it.
            thread.latest = thread.latest.max(order);
            thread.count += 1;
            let sender = event.pdu.sender();
            if thread.participants.len() < MAX_PARTICIPANTS
                && !thread.participants.iter().any(|user| user == sender)
            {
                thread.participants.push(sender.to_owned());
            }
            self.write_thread(tx, relation.parent, thread);
        }
        Ok(())
    }

    /// Takes an event that is redacted, whole as it was, out of the indexes.
    pub fn unrelate(&self, tx: &mut Transaction, redacted: &Event) -> Result<(), RoomError> {
        let Some(relation) = Relation::of(redacted.pdu.content().get()) else { return Ok(()) };
        let Some(order) = redacted.order() else { return Ok(()) };
        tx.delete(&schema::RELATIONS, (self.nid, &relation.parent, order, redacted.nid));
        if relation.rel_type == THREAD
            && let Some(mut thread) = thread(tx, self.nid, &relation.parent)?
        {
            tx.delete(&schema::THREADS_BY_ACTIVITY, (self.nid, thread.latest));
            thread.count = thread.count.saturating_sub(1);
            if thread.count == 0 {
                tx.delete(&schema::THREADS, (self.nid, &relation.parent));
                return Ok(());
            }
            if thread.latest == order {
                let filter = RelationFilter { rel_type: Some(THREAD.to_owned()), event_type: None };
                let earlier = TimelineRange {
                    until: Some(order.before()),
                    backwards: true,
                    limit: 1,
                    ..Default::default()
                };
                let latest = self.children(tx, &relation.parent, &filter, earlier)?.pop();
                thread.latest = latest.map_or(order, |(other, _)| other);
            }
            self.write_thread(tx, relation.parent, thread);
        }
        Ok(())
    }

    fn write_thread(&self, tx: &mut Transaction, root: OwnedEventId, thread: ThreadRow) {
        tx.put(&schema::THREADS_BY_ACTIVITY, (self.nid, thread.latest), &OwnedEventIdValue(root.clone()));
        tx.put(&schema::THREADS, (self.nid, &root), &thread);
    }
}

/// Takes what is known of the children of an event out of the indexes.
pub(crate) fn forget_children(
    tx: &mut Transaction,
    room: RoomNid,
    parent: &EventId,
) -> Result<(), RoomError> {
    tx.delete_prefix(&schema::RELATIONS, (room, parent))?;
    if let Some(known) = thread(tx, room, parent)? {
        tx.delete(&schema::THREADS_BY_ACTIVITY, (room, known.latest));
        tx.delete(&schema::THREADS, (room, parent));
    }
    Ok(())
}
