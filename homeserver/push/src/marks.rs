//! How far users have read (client-server API, "Threaded read receipts").

use std::collections::HashMap;

use hearth_storage::{
    Position, TimelineOrder,
    schema::rooms::{ReceiptKeyRow, ReceiptRow},
};
use ruma::{EventId, OwnedEventId};

/// How far a user has read in a room.
#[derive(Clone, Debug, Default)]
pub struct ReadMarks {
    /// Everything up to here, whatever thread.
    pub(crate) everything: TimelineOrder,
    /// The main timeline up to here.
    main: TimelineOrder,
    pub(crate) threads: HashMap<OwnedEventId, TimelineOrder>,
}

impl ReadMarks {
    /// By a user's receipts, public and private ones; without any everything before the join is read.
    pub fn of(receipts: Vec<(ReceiptKeyRow, ReceiptRow)>, joined: TimelineOrder) -> Self {
        let mut marks = Self::default();
        let mut any = false;
        for (key, row) in receipts {
            if !matches!(key.receipt_type.as_str(), "m.read" | "m.read.private") {
                continue;
            }
            let mark = match key.thread.as_str() {
                "" => &mut marks.everything,
                "main" => &mut marks.main,
                thread => match OwnedEventId::try_from(thread) {
                    Ok(thread) => marks.threads.entry(thread).or_default(),
                    Err(_) => continue,
                },
            };
            *mark = (*mark).max(row.order);
            any |= key.thread.is_empty();
        }
        if !any {
            marks.everything = joined;
        }
        marks
    }

    /// Up to here everything is read, whatever thread.
    pub fn everything(&self) -> Position {
        self.everything.position()
    }

    /// Whether an event is read that stands at this place, in a thread or in none.
    pub fn has_read(&self, order: TimelineOrder, thread: Option<&EventId>) -> bool {
        let mark = match thread {
            None => Some(self.main),
            Some(thread) => self.threads.get(thread).copied(),
        };
        order <= self.everything || mark.is_some_and(|mark| order <= mark)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{event_id, owned_event_id, user_id};

    use super::*;

    fn receipt(receipt_type: &str, thread: &str, order: i64) -> (ReceiptKeyRow, ReceiptRow) {
        let key = ReceiptKeyRow {
            user: user_id!("@alice:h.org").to_owned(),
            receipt_type: receipt_type.to_owned(),
            thread: thread.to_owned(),
        };
        let order = TimelineOrder(order);
        (key, ReceiptRow { event_id: owned_event_id!("$e"), order, ts: 0, position: Position(0) })
    }

    fn marks(receipts: Vec<(ReceiptKeyRow, ReceiptRow)>) -> ReadMarks {
        ReadMarks::of(receipts, TimelineOrder(2))
    }

    #[test]
    fn without_receipts_everything_before_the_join_is_read() {
        let marks = marks(vec![]);
        assert!(marks.has_read(TimelineOrder(2), None));
        assert!(!marks.has_read(TimelineOrder(3), None));
    }

    #[test]
    fn the_further_of_public_and_private_receipts_counts() {
        let marks =
            marks(vec![receipt("m.read", "", 5), receipt("m.read.private", "", 9), receipt("other", "", 20)]);
        assert!(marks.has_read(TimelineOrder(9), Some(event_id!("$t"))));
        assert!(!marks.has_read(TimelineOrder(10), None));
    }

    #[test]
    fn a_threaded_receipt_counts_for_its_thread_alone() {
        let marks =
            marks(vec![receipt("m.read", "", 3), receipt("m.read", "main", 7), receipt("m.read", "$t", 5)]);
        assert!(marks.has_read(TimelineOrder(7), None));
        assert!(!marks.has_read(TimelineOrder(7), Some(event_id!("$t"))));
        assert!(marks.has_read(TimelineOrder(5), Some(event_id!("$t"))));
        assert!(!marks.has_read(TimelineOrder(4), Some(event_id!("$u"))));
        assert!(marks.has_read(TimelineOrder(3), Some(event_id!("$u"))));
    }
}
