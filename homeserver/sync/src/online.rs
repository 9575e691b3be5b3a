//! A user who syncs: which rooms, what changed there lately, and how to wake the requests that wait.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use hearth_storage::{Position, RoomNid, schema::rooms::Membership};
use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};
use tokio::sync::{Notify, OnceCell};

use crate::{lazy_members::ToldMembers, token::UpTo, unread::UnreadRooms};

/// How many rooms that changed lately are remembered; whoever was away for more looks at every room.
const RECENT_ROOMS: usize = 128;

/// A user who synced within the last minutes.
pub(crate) struct Online {
    pub user: OwnedUserId,
    watched: Mutex<Watched>,
    /// How far what concerns the user reaches.
    changed_log: AtomicU64,
    changed_ephemeral: AtomicU64,
    wake: Notify,
    /// Requests that are being answered or wait now.
    syncing: AtomicUsize,
    /// Milliseconds.
    last_seen: AtomicU64,
    /// Set when `watched` was read from the store.
    pub loaded: OnceCell<()>,
    /// When the one-time or fallback keys of devices changed in number.
    keys_changed: Mutex<HashMap<OwnedDeviceId, Position>>,
    /// Rooms in which the user's receipts changed since they were counted.
    receipts_changed: Mutex<HashSet<RoomNid>>,
    pub unread: Mutex<UnreadRooms>,
    pub told_members: Mutex<ToldMembers>,
}

/// What a user is to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UserRoom {
    pub membership: Membership,
    /// When it became so.
    pub position: Position,
}

#[derive(Default)]
struct Watched {
    rooms: HashMap<RoomNid, UserRoom>,
    /// The rooms that changed last, each once, the latest at the end.
    recent: Vec<(RoomNid, UpTo)>,
    /// All that changed after this is in `recent`.
    complete_after: UpTo,
}

/// The rooms in which something may have changed.
pub(crate) struct Candidates {
    pub rooms: Vec<(RoomNid, UserRoom)>,
    /// The user was away for longer than is remembered: these are all rooms, changed or not.
    pub all: bool,
}

impl Online {
    pub fn new(user: OwnedUserId) -> Self {
        Self {
            user,
            watched: Mutex::default(),
            changed_log: AtomicU64::new(0),
            changed_ephemeral: AtomicU64::new(0),
            wake: Notify::new(),
            syncing: AtomicUsize::new(0),
            last_seen: AtomicU64::new(0),
            loaded: OnceCell::new(),
            keys_changed: Mutex::default(),
            receipts_changed: Mutex::default(),
            unread: Mutex::default(),
            told_members: Mutex::default(),
        }
    }

    /// A request begins.
    pub fn begin(&self) {
        self.syncing.fetch_add(1, SeqCst);
    }

    /// A request was answered or given up.
    pub fn end(&self, now: u64) {
        self.last_seen.fetch_max(now, SeqCst);
        self.syncing.fetch_sub(1, SeqCst);
    }

    /// Since when, in milliseconds, nothing was asked; `None` while something is.
    pub fn idle_since(&self) -> Option<u64> {
        (self.syncing.load(SeqCst) == 0).then(|| self.last_seen.load(SeqCst))
    }

    /// Takes over a membership, unless a later one is known. Gives back what the user then is to the room.
    pub fn set_room(&self, room: RoomNid, now: UserRoom) -> UserRoom {
        let mut watched = self.watched.lock();
        let known = watched.rooms.entry(room).or_insert(now);
        if now.position > known.position {
            *known = now;
        }
        *known
    }

    /// What changes from here on is noted; what changed up to `complete_after` may have been missed.
    pub fn watch_from(&self, complete_after: UpTo) {
        self.watched.lock().complete_after = complete_after;
    }

    /// Notes that something changed in a room.
    pub fn touch(&self, room: RoomNid, at: UpTo) {
        let mut watched = self.watched.lock();
        let watched = &mut *watched;
        match watched.recent.iter().rposition(|(known, _)| *known == room) {
            Some(place) => {
                watched.recent[place].1 = watched.recent[place].1.max(at);
                watched.recent[place..].rotate_left(1);
            }
            None => {
                if watched.recent.len() == RECENT_ROOMS {
                    let (_, dropped) = watched.recent.remove(0);
                    watched.complete_after = watched.complete_after.max(dropped);
                }
                watched.recent.push((room, at));
            }
        }
    }

    /// The rooms in which something may have changed after what was told.
    pub fn changed_rooms(&self, told: UpTo) -> Candidates {
        let watched = self.watched.lock();
        if watched.complete_after.exceeds(told) {
            return Candidates {
                rooms: watched.rooms.iter().map(|(room, is)| (*room, *is)).collect(),
                all: true,
            };
        }
        let changed = watched.recent.iter().filter(|(_, at)| at.exceeds(told));
        let rooms = changed.filter_map(|(room, _)| watched.rooms.get(room).map(|is| (*room, *is)));
        Candidates { rooms: rooms.collect(), all: false }
    }

    /// All rooms that the user has to do with.
    pub fn all_rooms(&self) -> Candidates {
        let watched = self.watched.lock();
        Candidates { rooms: watched.rooms.iter().map(|(room, is)| (*room, *is)).collect(), all: true }
    }

    /// What the user is to a room.
    pub fn room(&self, room: RoomNid) -> Option<UserRoom> {
        self.watched.lock().rooms.get(&room).copied()
    }

    /// The rooms in which the user is joined.
    pub fn joined_rooms(&self) -> Vec<RoomNid> {
        let watched = self.watched.lock();
        let joined = watched.rooms.iter().filter(|(_, is)| is.membership == Membership::Join);
        joined.map(|(room, _)| *room).collect()
    }

    /// Notes that the keys of a device changed in number.
    pub fn set_keys_changed(&self, device: &DeviceId, position: Position) {
        self.keys_changed.lock().insert(device.to_owned(), position);
    }

    /// Whether the keys of a device are known to have changed in number after a position.
    pub fn keys_changed_after(&self, device: &DeviceId, position: Position) -> bool {
        self.keys_changed.lock().get(device).is_some_and(|changed| *changed > position)
    }

    /// Notes that a receipt of the user's changed in a room.
    pub fn set_receipt_changed(&self, room: RoomNid) {
        self.receipts_changed.lock().insert(room);
    }

    /// Whether a receipt changed in a room since this was asked last.
    pub fn take_receipt_changed(&self, room: RoomNid) -> bool {
        self.receipts_changed.lock().remove(&room)
    }

    /// Something that concerns the user is there to be told, up to `upto`, and can be read.
    pub fn wake(&self, upto: UpTo) {
        self.changed_log.fetch_max(upto.log.0, SeqCst);
        self.changed_ephemeral.fetch_max(upto.ephemeral, SeqCst);
        self.wake.notify_waiters();
    }

    /// Returns when something concerns the user that comes after what was told.
    pub async fn changed_after(&self, told: UpTo) {
        loop {
            let mut notified = std::pin::pin!(self.wake.notified());
            // In line before looking: what changes after the look wakes.
            notified.as_mut().enable();
            let changed = UpTo {
                log: Position(self.changed_log.load(SeqCst)),
                ephemeral: self.changed_ephemeral.load(SeqCst),
            };
            if changed.exceeds(told) {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ruma::user_id;

    use super::*;

    fn upto(log: u64) -> UpTo {
        UpTo { log: Position(log), ephemeral: 0 }
    }

    fn online(rooms: u64) -> Online {
        let online = Online::new(user_id!("@alice:h.org").to_owned());
        for room in 1..=rooms {
            online.set_room(RoomNid(room), UserRoom { membership: Membership::Join, position: Position(1) });
        }
        online
    }

    fn changed(online: &Online, told: u64) -> (Vec<u64>, bool) {
        let candidates = online.changed_rooms(upto(told));
        (candidates.rooms.iter().map(|(room, _)| room.0).collect(), candidates.all)
    }

    #[test]
    fn only_the_rooms_that_changed_are_looked_at() {
        let online = online(5);
        online.touch(RoomNid(1), upto(10));
        online.touch(RoomNid(2), upto(11));
        online.touch(RoomNid(1), upto(12));
        assert_eq!(changed(&online, 9), (vec![2, 1], false));
        assert_eq!(changed(&online, 11), (vec![1], false));
        assert_eq!(changed(&online, 12), (vec![], false));
    }

    #[test]
    fn who_was_away_for_longer_than_is_remembered_looks_at_every_room() {
        let online = online(300);
        online.watch_from(upto(5));
        assert_eq!(changed(&online, 4).0.len(), 300);
        assert_eq!(changed(&online, 5), (vec![], false));
        for room in 1..=200 {
            online.touch(RoomNid(room), upto(10 + room));
        }
        assert!(changed(&online, 5).1);
        let (rooms, all) = changed(&online, 10 + 200 - RECENT_ROOMS as u64);
        assert_eq!((rooms.len(), all), (RECENT_ROOMS, false));
    }

    #[test]
    fn an_older_membership_does_not_replace_a_newer_one() {
        let online = online(1);
        let left = UserRoom { membership: Membership::Leave, position: Position(9) };
        assert_eq!(online.set_room(RoomNid(1), left), left);
        let old = UserRoom { membership: Membership::Join, position: Position(3) };
        assert_eq!(online.set_room(RoomNid(1), old), left);
        assert!(online.joined_rooms().is_empty());
    }

    #[tokio::test]
    async fn a_wake_up_is_never_lost() {
        let online = Arc::new(online(1));
        // What changed before the wait ends it at once.
        online.wake(upto(3));
        online.changed_after(upto(2)).await;
        // What changes during the wait ends it, whenever it comes.
        for position in 4..200 {
            let waiting = online.clone();
            let waiter = tokio::spawn(async move { waiting.changed_after(upto(position - 1)).await });
            if position % 2 == 0 {
                tokio::task::yield_now().await;
            }
            online.wake(upto(position));
            waiter.await.unwrap();
        }
    }
}
