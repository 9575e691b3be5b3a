//! Unread counts: derived from receipts, push rules and the timeline, and written nowhere (client-server API,
//! "Receiving notifications", "Threaded read receipts").

use std::collections::{BTreeMap, HashMap};

use hearth_rooms::Room;
use hearth_storage::{Position, RoomNid, TimelineOrder, weight::of_map};
use ruma::OwnedEventId;

use crate::{
    PushError,
    evaluated::{EvaluatedRoom, Verdict},
    marks::ReadMarks,
    user::{CompiledRules, PushUser},
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

/// The counts of a user in the rooms that were asked for, kept up incrementally.
#[derive(Debug, Default)]
pub struct UnreadRooms {
    rules: CompiledRules,
    rooms: HashMap<RoomNid, Unread>,
    /// What the rooms take besides their places.
    threads_bytes: usize,
}

#[derive(Debug)]
struct Unread {
    counts: UnreadCounts,
    marks: ReadMarks,
    /// Since when the user was joined: what was before is read.
    joined: Position,
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
        let end = TimelineOrder::from(until);
        let generation = evaluated.follow(room, end)?;
        let as_before = |known: &Unread| known.generation == generation && known.joined == joined;
        let known = self.take(room.nid()).filter(as_before);
        let mut unread = match known {
            Some(known) => known,
            None => {
                let marks = ReadMarks::of(room.receipts_of(user.user)?, joined.into());
                let counted = marks.everything;
                Unread { counts: UnreadCounts::default(), marks, joined, marked: until, counted, generation }
            }
        };
        if end > unread.counted {
            let Unread { counts, marks, counted, .. } = &mut unread;
            user.notifying(&mut self.rules, read, (*counted, end), |event| {
                let thread = event.facts.thread.as_ref();
                if marks.has_read(event.order, thread.map(|thread| &***thread)) {
                    return;
                }
                match thread {
                    None => counts.main.add(event.verdict),
                    Some(thread) => counts.threads.entry((**thread).clone()).or_default().add(event.verdict),
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

    fn take(&mut self, room: RoomNid) -> Option<Unread> {
        let known = self.rooms.remove(&room)?;
        self.threads_bytes -= known.threads_bytes();
        Some(known)
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        of_map::<RoomNid, Unread>(self.rooms.capacity()) + self.threads_bytes + self.rules.bytes()
    }
}

#[cfg(test)]
mod tests {
    use ruma::EventId;

    use super::*;

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
                Unread { counts: counts.clone(), marks, joined: marked, marked, counted, generation: 0 },
            );
            most = most.max(unread.bytes());
        }
        assert!((MAX_BYTES..MAX_BYTES + (50 << 10)).contains(&most), "{most}");
        while let Some(room) = unread.rooms.keys().next().copied() {
            unread.forget(room);
        }
        assert_eq!(unread.threads_bytes, 0);
    }
}
