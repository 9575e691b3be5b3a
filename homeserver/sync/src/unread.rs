//! Unread counts: derived from receipts, push rules and the timeline, and written nowhere (client-server API,
//! "Receiving notifications", "Threaded read receipts").

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Weak},
};

use hearth_rooms::{Room, Rooms};
use hearth_storage::{
    Position, RoomNid, TimelineOrder,
    schema::rooms::{ReceiptKeyRow, ReceiptRow},
};
use hearth_users::Users;
use ruma::{EventId, OwnedEventId, OwnedUserId, UserId, push::Ruleset};

use crate::{
    SyncError,
    evaluated::{Counter, EvaluatedRoom, Verdict},
    online::Online,
    rules::{KnownRules, RulesOverTime, UserRules},
    weight::of_map,
};

/// So many bytes are taken for the counts of one user; beyond it what is needed is counted anew.
const MAX_BYTES: usize = 1 << 20;
/// About what the count of a thread takes, or how far it is read.
const THREAD_BYTES: usize = 160;

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
    rules: Option<KnownUserRules>,
    rooms: HashMap<RoomNid, Unread>,
    /// What the rooms take besides their places.
    threads_bytes: usize,
}

/// The rules of the user as they were last.
#[derive(Debug)]
struct KnownUserRules {
    /// Which they are: a change of rules makes a new set. It does not keep them in memory.
    source: Weak<Ruleset>,
    rules: UserRules,
    /// Up to here they were others; 0 for never.
    changed: Position,
}

#[derive(Debug)]
struct Unread {
    counts: UnreadCounts,
    marks: ReadMarks,
    /// The user's receipts up to here are in the marks.
    marked: Position,
    /// Everything up to here is counted.
    counted: TimelineOrder,
    generation: u64,
}

impl Unread {
    fn threads_bytes(&self) -> usize {
        (self.counts.threads.len() + self.marks.threads.len()) * THREAD_BYTES
    }
}

/// What counting needs besides the room.
pub(crate) struct Reader<'a> {
    pub rooms: &'a Rooms,
    pub users: &'a Users,
    pub user: &'a UserId,
    pub rules: Arc<Ruleset>,
    pub known_rules: &'a KnownRules,
    pub ignored: &'a HashSet<OwnedUserId>,
}

impl Reader<'_> {
    /// What the rules were before, each up to a position.
    fn rules_before(&self) -> Result<Vec<(Position, UserRules, Ruleset)>, SyncError> {
        let before = self.users.push_rules.before(self.user)?.into_iter();
        let compiled = |rules: &Ruleset| UserRules::new(self.user, rules, self.known_rules);
        Ok(before.map(|(until, rules)| (until, compiled(&rules), rules)).collect())
    }
}

/// A room that a user reads.
#[derive(Clone, Copy)]
pub(crate) struct ReadRoom<'a> {
    pub room: &'a Room,
    pub evaluated: &'a EvaluatedRoom,
    /// Since when the user is joined.
    pub joined: Position,
}

impl UnreadRooms {
    /// The counts of a user who is online.
    pub fn counts_of(
        online: &Online,
        reader: &Reader<'_>,
        read: ReadRoom<'_>,
        until: Position,
    ) -> Result<UnreadCounts, SyncError> {
        let mut unread = online.unread.lock();
        let room = read.room.nid();
        if unread.rooms.get(&room).is_some_and(|known| online.receipts_changed_after(room, known.marked)) {
            unread.forget(room);
        }
        unread.counts(reader, read, until)
    }

    /// The counts in a room as of a position of the log.
    pub fn counts(
        &mut self,
        reader: &Reader<'_>,
        read: ReadRoom<'_>,
        until: Position,
    ) -> Result<UnreadCounts, SyncError> {
        let ReadRoom { room, evaluated, joined } = read;
        self.know_rules(reader)?;
        let end = TimelineOrder::from(until);
        let generation = evaluated.follow(room, end)?;
        let known = self.forget(room.nid()).filter(|known| known.generation == generation);
        let mut unread = match known {
            Some(known) => known,
            None => {
                let marks = ReadMarks::of(room.receipts_of(reader.user)?, joined.into());
                let counted = marks.everything;
                Unread { counts: UnreadCounts::default(), marks, marked: until, counted, generation }
            }
        };
        if end > unread.counted
            && let Some(known) = &self.rules
        {
            let before = match unread.counted < known.changed.into() {
                true => reader.rules_before()?,
                false => Vec::new(),
            };
            let rules = RulesOverTime { now: (&known.rules, &reader.rules), before };
            let counter = Counter {
                rooms: reader.rooms,
                room,
                user: reader.user,
                rules: &rules,
                ignored: reader.ignored,
            };
            let Unread { counts, marks, counted, .. } = &mut unread;
            evaluated.count(&counter, *counted, end, |order, facts, verdict| {
                let thread = facts.thread.as_ref();
                if marks.has_read(order, thread.map(|thread| &***thread)) {
                    return;
                }
                match thread {
                    None => counts.main.add(verdict),
                    Some(thread) => counts.threads.entry((**thread).clone()).or_default().add(verdict),
                }
            })?;
            *counted = end;
        }
        let counts = unread.counts.clone();
        self.keep(room.nid(), unread);
        Ok(counts)
    }

    fn keep(&mut self, room: RoomNid, unread: Unread) {
        if self.bytes() >= MAX_BYTES {
            (self.rooms, self.threads_bytes) = (HashMap::new(), 0);
        }
        self.threads_bytes += unread.threads_bytes();
        self.rooms.insert(room, unread);
    }

    /// Takes over the rules of the user, if they are not known yet.
    fn know_rules(&mut self, reader: &Reader<'_>) -> Result<(), SyncError> {
        let known =
            self.rules.as_ref().is_some_and(|known| known.source.as_ptr() == Arc::as_ptr(&reader.rules));
        if !known {
            let rules = UserRules::new(reader.user, &reader.rules, reader.known_rules);
            let changed = reader.users.push_rules.changed_at(reader.user)?;
            self.rules = Some(KnownUserRules { source: Arc::downgrade(&reader.rules), rules, changed });
        }
        Ok(())
    }

    fn forget(&mut self, room: RoomNid) -> Option<Unread> {
        let known = self.rooms.remove(&room)?;
        self.threads_bytes -= known.threads_bytes();
        Some(known)
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let rules = self.rules.as_ref().map_or(0, |known| known.rules.bytes());
        of_map::<RoomNid, Unread>(self.rooms.capacity()) + self.threads_bytes + rules
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
    fn what_is_kept_is_bounded() {
        let mut unread = UnreadRooms::default();
        let threads = (0..50).map(|n| (EventId::parse(format!("$thread{n}")).unwrap(), Counts::default()));
        let counts = UnreadCounts { threads: threads.collect(), ..UnreadCounts::default() };
        let mut most = 0;
        for room in 0..1000 {
            let marks = ReadMarks::default();
            let (marked, counted) = (Position(0), TimelineOrder(0));
            unread.keep(
                RoomNid(room),
                Unread { counts: counts.clone(), marks, marked, counted, generation: 0 },
            );
            most = most.max(unread.bytes());
        }
        assert!((MAX_BYTES..MAX_BYTES + (50 << 10)).contains(&most), "{most}");
        while let Some(room) = unread.rooms.keys().next().copied() {
            unread.forget(room);
        }
        assert_eq!(unread.threads_bytes, 0);
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
