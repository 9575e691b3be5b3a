//! Unread counts: derived from receipts, push rules and the timeline, and written nowhere (client-server API,
//! "Receiving notifications", "Threaded read receipts").

use std::collections::{BTreeMap, HashMap, HashSet};

use hearth_rooms::{Room, RoomError, Rooms};
use hearth_storage::{
    Position, RoomNid, TimelineOrder,
    schema::rooms::{ReceiptKeyRow, ReceiptRow},
};
use ruma::{EventId, OwnedEventId, OwnedUserId, UserId};

use crate::{
    notices::{Counter, RoomNotices, Verdict},
    online::Online,
    rules::UserRules,
};

/// How many events are unread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub notifications: u64,
    pub highlights: u64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        self.notifications += u64::from(verdict.notify);
        self.highlights += u64::from(verdict.highlight);
    }
}

/// How many events of a room are unread.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnreadCounts {
    /// In the main timeline.
    pub main: Counts,
    /// In each thread, by its root; only those with any.
    pub threads: BTreeMap<OwnedEventId, Counts>,
}

impl UnreadCounts {
    /// In the whole room, for clients that do not tell threads apart.
    pub fn total(&self) -> Counts {
        self.threads.values().fold(self.main, |sum, thread| Counts {
            notifications: sum.notifications + thread.notifications,
            highlights: sum.highlights + thread.highlights,
        })
    }
}

/// How far a user has read in a room.
#[derive(Clone, Debug, Default)]
struct ReadMarks {
    /// Everything up to here, whatever thread.
    everything: TimelineOrder,
    /// The main timeline up to here.
    main: TimelineOrder,
    threads: HashMap<OwnedEventId, TimelineOrder>,
}

impl ReadMarks {
    /// By a user's receipts, public and private ones; without any everything before the join is read.
    fn of(receipts: Vec<(ReceiptKeyRow, ReceiptRow)>, joined: TimelineOrder) -> Self {
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

    fn has_read(&self, order: TimelineOrder, thread: Option<&EventId>) -> bool {
        let mark = match thread {
            None => Some(self.main),
            Some(thread) => self.threads.get(thread).copied(),
        };
        order <= self.everything || mark.is_some_and(|mark| order <= mark)
    }
}

/// The counts of a user in the rooms that were asked for, kept up incrementally.
#[derive(Debug, Default)]
pub(crate) struct UnreadRooms {
    rules: Option<UserRules>,
    rooms: HashMap<RoomNid, Unread>,
}

#[derive(Debug)]
struct Unread {
    counts: UnreadCounts,
    marks: ReadMarks,
    /// Everything up to here is counted.
    counted: TimelineOrder,
    generation: u64,
}

/// What counting needs besides the room.
pub(crate) struct Reader<'a> {
    pub rooms: &'a Rooms,
    pub user: &'a UserId,
    pub rules: std::sync::Arc<ruma::push::Ruleset>,
    pub ignored: &'a HashSet<OwnedUserId>,
}

impl UnreadRooms {
    /// The counts of a user who is online.
    pub fn counts_of(
        online: &Online,
        reader: &Reader<'_>,
        room: &Room,
        notices: &RoomNotices,
        joined: Position,
        until: Position,
    ) -> Result<UnreadCounts, RoomError> {
        let mut unread = online.unread.lock();
        if online.take_receipt_changed(room.nid()) {
            unread.rooms.remove(&room.nid());
        }
        unread.counts(reader, room, notices, joined, until)
    }

    /// The counts in a room as of a position of the log.
    pub fn counts(
        &mut self,
        reader: &Reader<'_>,
        room: &Room,
        notices: &RoomNotices,
        joined: Position,
        until: Position,
    ) -> Result<UnreadCounts, RoomError> {
        let until = TimelineOrder::from(until);
        let rules = match &mut self.rules {
            Some(rules) if rules.is_of(&reader.rules) => &*rules,
            outdated => {
                // Other rules would have counted differently.
                self.rooms.clear();
                outdated.insert(UserRules::new(reader.user, reader.rules.clone()))
            }
        };
        let counter =
            Counter { rooms: reader.rooms, room, user: reader.user, rules, ignored: reader.ignored };
        let generation = notices.follow(room, until)?;
        let known = self.rooms.entry(room.nid());
        let unread = match known {
            std::collections::hash_map::Entry::Occupied(known) if known.get().generation == generation => {
                known.into_mut()
            }
            missing => {
                let marks = ReadMarks::of(room.receipts_of(reader.user)?, joined.into());
                let counted = marks.everything;
                let counts = UnreadCounts::default();
                let unread = Unread { counts, marks, counted, generation };
                missing.insert_entry(unread).into_mut()
            }
        };
        if until > unread.counted {
            let Unread { counts, marks, counted, .. } = unread;
            notices.count(&counter, *counted, until, |order, facts, verdict| {
                let thread = facts.thread.as_ref();
                if marks.has_read(order, thread.map(|thread| &***thread)) {
                    return;
                }
                match thread {
                    None => counts.main.add(verdict),
                    Some(thread) => counts.threads.entry((**thread).clone()).or_default().add(verdict),
                }
            })?;
            *counted = until;
        }
        Ok(unread.counts.clone())
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
