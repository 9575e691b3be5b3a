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
    weight::of_map,
};
use hearth_users::Users;
use ruma::{EventId, OwnedEventId, OwnedUserId, UserId, push::Ruleset};

use crate::{
    PushError,
    evaluated::{Counter, EvaluatedRoom, EvaluatedRooms, Verdict},
    rules::{RulesOverTime, UserRules},
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
pub struct UnreadRooms {
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

/// A user whose events are judged and counted.
pub struct PushUser<'a> {
    pub rooms: &'a Rooms,
    pub users: &'a Users,
    pub user: &'a UserId,
    pub rules: Arc<Ruleset>,
    pub evaluated: &'a EvaluatedRooms,
    pub ignored: &'a HashSet<OwnedUserId>,
}

impl PushUser<'_> {
    /// What the rules were before, each up to a position.
    fn rules_before(&self) -> Result<Vec<(Position, UserRules, Ruleset)>, PushError> {
        let before = self.users.push_rules.before(self.user)?.into_iter();
        let compiled = |rules: &Ruleset| UserRules::new(self.user, rules, &self.evaluated.known_rules);
        Ok(before.map(|(until, rules)| (until, compiled(&rules), rules)).collect())
    }
}

/// A room that a user reads.
#[derive(Clone, Copy)]
pub struct ReadRoom<'a> {
    pub room: &'a Room,
    pub evaluated: &'a EvaluatedRoom,
    /// Since when the user is joined.
    pub joined: Position,
}

impl UnreadRooms {
    /// Up to where the user's receipts in a room are taken in, if it is counted at all: a newer one makes it necessary
    /// to [forget](Self::forget) the room.
    pub fn marked(&self, room: RoomNid) -> Option<Position> {
        Some(self.rooms.get(&room)?.marked)
    }

    /// Lets a room be counted anew.
    pub fn forget(&mut self, room: RoomNid) {
        self.take(room);
    }

    /// The counts in a room as of a position of the log.
    pub fn counts(
        &mut self,
        user: &PushUser<'_>,
        read: ReadRoom<'_>,
        until: Position,
    ) -> Result<UnreadCounts, PushError> {
        let ReadRoom { room, evaluated, joined } = read;
        self.know_rules(user)?;
        let end = TimelineOrder::from(until);
        let generation = evaluated.follow(room, end)?;
        let known = self.take(room.nid()).filter(|known| known.generation == generation);
        let mut unread = match known {
            Some(known) => known,
            None => {
                let marks = ReadMarks::of(room.receipts_of(user.user)?, joined.into());
                let counted = marks.everything;
                Unread { counts: UnreadCounts::default(), marks, marked: until, counted, generation }
            }
        };
        if end > unread.counted
            && let Some(known) = &self.rules
        {
            let before = match unread.counted < known.changed.into() {
                true => user.rules_before()?,
                false => Vec::new(),
            };
            let rules = RulesOverTime { now: (&known.rules, &user.rules), before };
            let counter =
                Counter { rooms: user.rooms, room, user: user.user, rules: &rules, ignored: user.ignored };
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
    fn know_rules(&mut self, user: &PushUser<'_>) -> Result<(), PushError> {
        let known =
            self.rules.as_ref().is_some_and(|known| known.source.as_ptr() == Arc::as_ptr(&user.rules));
        if !known {
            let rules = UserRules::new(user.user, &user.rules, &user.evaluated.known_rules);
            let changed = user.users.push_rules.changed_at(user.user)?;
            self.rules = Some(KnownUserRules { source: Arc::downgrade(&user.rules), rules, changed });
        }
        Ok(())
    }

    fn take(&mut self, room: RoomNid) -> Option<Unread> {
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
