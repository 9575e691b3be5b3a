//! A user who syncs: which rooms, what changed there lately, and how to wake the requests that wait.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use hearth_push::{PushUser, ReadRoom, UnreadCounts, UnreadRooms};
use hearth_storage::{
    Position, RoomNid,
    schema::rooms::{Membership, UserRoomRow},
    weight::{of_map, of_text},
};
use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};
use tokio::sync::{Notify, OnceCell};

use crate::{
    SyncError,
    activity::RoomsByActivity,
    lazy_members::ToldByDevice,
    recent::Recent,
    sliding::{Connections, Lists},
    token::UpTo,
    weight::{Budget, Held},
};

/// How many rooms that changed lately are remembered; whoever was away for more looks at every room.
const RECENT_ROOMS: usize = 128;
/// Of how many users it is remembered that their device lists changed lately.
const RECENT_DEVICE_LISTS: usize = 64;
/// In how many rooms it is remembered that the user's own receipts changed lately.
const RECENT_RECEIPTS: usize = 64;
/// Of how many of the user's devices it is remembered that their keys changed in number lately.
const RECENT_DEVICES: usize = 32;
/// About what a user takes in a room's list of those who are online.
const WATCHED_BYTES: usize = 32;
/// To tell of no more rooms than this takes no time worth mentioning.
const FEW_ROOMS: usize = 16;

/// A user who synced within the last minutes.
pub(crate) struct Online {
    pub user: OwnedUserId,
    /// Another one for each.
    pub id: u64,
    watched: Mutex<Watched>,
    /// How far what concerns the user reaches.
    changed_log: AtomicU64,
    changed_ephemeral: AtomicU64,
    wake: Notify,
    /// The position up to which nothing is noted of the rooms that the user entered last.
    entered: AtomicU64,
    /// Requests that are being answered or wait now.
    syncing: AtomicUsize,
    /// Milliseconds.
    last_seen: AtomicU64,
    /// Set when `watched` was read from the store.
    pub loaded: OnceCell<()>,
    /// When the one-time or fallback keys of devices changed in number.
    keys_changed: Mutex<Recent<OwnedDeviceId>>,
    /// Those who share a room with the user, and the user, whose device lists changed last.
    device_lists: Mutex<Recent<Arc<OwnedUserId>>>,
    /// The rooms in which the user's own receipts changed last.
    receipts_changed: Mutex<Recent<RoomNid>>,
    unread: Mutex<UnreadRooms>,
    pub told_members: Mutex<ToldByDevice>,
    /// The user's rooms in order, as far as it was asked for.
    pub by_activity: Mutex<RoomsByActivity>,
    /// The same for each filter of sliding sync.
    pub lists: Mutex<Lists>,
    /// Rooms that the user has forgotten since the lists were looked at.
    pub forgotten: Mutex<BTreeSet<RoomNid>>,
    /// What connections of sliding sync were told.
    pub connections: Mutex<Connections>,
    /// What all of this takes.
    held: Held,
}

/// What a user is to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UserRoom {
    pub membership: Membership,
    pub kind: RoomKind,
    /// When it became so.
    pub position: Position,
}

/// What type a room is of, as far as lists are asked for by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RoomKind {
    /// One without a type, as most.
    Plain,
    Space,
    Other,
}

impl From<&UserRoomRow> for UserRoom {
    fn from(row: &UserRoomRow) -> Self {
        let kind = match row.room_type.as_deref() {
            None => RoomKind::Plain,
            Some("m.space") => RoomKind::Space,
            Some(_) => RoomKind::Other,
        };
        Self { membership: row.membership, kind, position: row.position }
    }
}

struct Watched {
    rooms: HashMap<RoomNid, UserRoom>,
    /// The rooms that changed last.
    recent: Recent<RoomNid>,
}

impl Watched {
    fn set_room(&mut self, room: RoomNid, now: UserRoom) -> UserRoom {
        let known = self.rooms.entry(room).or_insert(now);
        let stays = (known.membership, now.membership) == (Membership::Join, Membership::Join);
        if now.position > known.position && !stays {
            *known = now;
        }
        *known
    }
}

/// The rooms in which something may have changed.
pub(crate) struct Candidates {
    pub rooms: Vec<(RoomNid, UserRoom)>,
    /// The user was away for longer than is remembered: these are all rooms, changed or not.
    pub all: bool,
}

impl Online {
    pub fn new(user: OwnedUserId, id: u64, budget: &Arc<Budget>) -> Self {
        Self {
            user,
            id,
            watched: Mutex::new(Watched { rooms: HashMap::new(), recent: Recent::new(RECENT_ROOMS) }),
            changed_log: AtomicU64::new(0),
            changed_ephemeral: AtomicU64::new(0),
            wake: Notify::new(),
            entered: AtomicU64::new(0),
            syncing: AtomicUsize::new(0),
            last_seen: AtomicU64::new(0),
            loaded: OnceCell::new(),
            keys_changed: Mutex::new(Recent::new(RECENT_DEVICES)),
            device_lists: Mutex::new(Recent::new(RECENT_DEVICE_LISTS)),
            receipts_changed: Mutex::new(Recent::new(RECENT_RECEIPTS)),
            unread: Mutex::default(),
            told_members: Mutex::default(),
            by_activity: Mutex::default(),
            lists: Mutex::default(),
            forgotten: Mutex::default(),
            connections: Mutex::default(),
            held: Held::new(budget),
        }
    }

    /// Notes how many bytes it takes now. What comes between two requests adds no more than the lists of what changed
    /// last can hold.
    pub fn weigh(&self) {
        let watched = self.watched.lock();
        let rooms = of_map::<RoomNid, UserRoom>(watched.rooms.capacity())
            + watched.rooms.len() * WATCHED_BYTES
            + watched.recent.bytes();
        drop(watched);
        let recent = self.keys_changed.lock().bytes()
            + self.device_lists.lock().bytes()
            + self.receipts_changed.lock().bytes();
        let names = 2 * of_text(self.user.as_str());
        let derived =
            self.unread.lock().bytes() + self.told_members.lock().bytes() + self.by_activity.lock().bytes();
        let derived = derived + self.lists.lock().bytes() + self.connections.lock().bytes();
        self.held.set(size_of::<Self>() + names + rooms + recent + derived);
    }

    /// Lets go of what can be read or computed again.
    pub fn let_go(&self) {
        *self.unread.lock() = UnreadRooms::default();
        *self.told_members.lock() = ToldByDevice::default();
        *self.by_activity.lock() = RoomsByActivity::default();
        *self.lists.lock() = Lists::default();
        *self.connections.lock() = Connections::default();
        self.weigh();
    }

    /// The user's counts in a room as of a position of the log.
    pub fn unread(
        &self,
        user: &PushUser<'_>,
        read: ReadRoom<'_>,
        until: Position,
    ) -> Result<UnreadCounts, SyncError> {
        let mut unread = self.unread.lock();
        let room = read.room.nid();
        if unread.marked(room).is_some_and(|marked| self.receipts_changed_after(room, marked)) {
            unread.forget(room);
        }
        Ok(unread.counts(user, read, until)?)
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

    /// Takes over a membership, unless a later one is known, or the user is joined already. Gives back what the user then
    /// is to the room.
    pub fn set_room(&self, room: RoomNid, now: UserRoom) -> UserRoom {
        self.watched.lock().set_room(room, now)
    }

    /// Takes over many at once. Gives back the rooms to which the user then is joined.
    pub fn set_rooms(&self, rooms: impl ExactSizeIterator<Item = (RoomNid, UserRoom)>) -> Vec<RoomNid> {
        let mut watched = self.watched.lock();
        watched.rooms.reserve(rooms.len());
        let joined =
            |(room, now)| (watched.set_room(room, now).membership == Membership::Join).then_some(room);
        rooms.filter_map(joined).collect()
    }

    /// The user is in rooms of which what comes after a position is noted.
    pub fn set_entered(&self, position: Position) {
        self.entered.fetch_max(position.0, SeqCst);
    }

    pub fn entered(&self) -> Position {
        Position(self.entered.load(SeqCst))
    }

    /// What changes from here on is noted; what changed up to `complete_after` may have been missed.
    pub fn watch_from(&self, complete_after: UpTo) {
        self.watched.lock().recent.begin(complete_after);
        let log = UpTo { log: complete_after.log, ephemeral: 0 };
        self.device_lists.lock().begin(log);
        self.keys_changed.lock().begin(log);
        self.receipts_changed.lock().begin(log);
    }

    /// Notes that something changed in a room.
    pub fn touch(&self, room: RoomNid, at: UpTo) {
        self.watched.lock().recent.note(room, at);
    }

    /// The rooms in which something may have changed after what was told.
    pub fn changed_rooms(&self, told: UpTo) -> Candidates {
        let watched = self.watched.lock();
        let Some(changed) = watched.recent.after(told) else {
            drop(watched);
            return self.all_rooms();
        };
        let rooms = changed.filter_map(|room| watched.rooms.get(room).map(|is| (*room, *is)));
        Candidates { rooms: rooms.collect(), all: false }
    }

    /// Whether there is little to look at for who was told so much: what changed since is remembered, and is in
    /// few rooms.
    pub fn is_nearly_told(&self, told: UpTo) -> bool {
        let watched = self.watched.lock();
        let few = watched
            .recent
            .after(told)
            .is_some_and(|changed| changed.take(FEW_ROOMS + 1).count() <= FEW_ROOMS);
        drop(watched);
        few && self.device_lists_changed_after(told.log).is_some()
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

    /// Whether the user is joined to one of these rooms.
    pub fn is_joined_to_any(&self, rooms: &[RoomNid]) -> bool {
        let watched = self.watched.lock();
        let joined =
            |room: &RoomNid| watched.rooms.get(room).is_some_and(|is| is.membership == Membership::Join);
        rooms.iter().any(joined)
    }

    /// The rooms in which the user is joined.
    pub fn joined_rooms(&self) -> Vec<RoomNid> {
        let watched = self.watched.lock();
        let joined = watched.rooms.iter().filter(|(_, is)| is.membership == Membership::Join);
        joined.map(|(room, _)| *room).collect()
    }

    /// Notes that the keys of a device changed in number.
    pub fn set_keys_changed(&self, device: &DeviceId, position: Position) {
        self.keys_changed.lock().note(device.to_owned(), UpTo { log: position, ephemeral: 0 });
    }

    /// Whether the keys of a device are known to have changed in number after a position.
    pub fn keys_changed_after(&self, device: &DeviceId, position: Position) -> bool {
        let changed = self.keys_changed.lock();
        let mut later = changed.after(UpTo { log: position, ephemeral: 0 }).into_iter().flatten();
        later.any(|known| known == device)
    }

    /// Notes that the device list of someone in a room of the user's, or the user's own, changed.
    pub fn set_device_list_changed(&self, user: &Arc<OwnedUserId>, position: Position) {
        self.device_lists.lock().note(user.clone(), UpTo { log: position, ephemeral: 0 });
    }

    /// Whose device lists changed after a position, of those who shared a room with the user then, and the user's
    /// own; `None` where more did than is remembered.
    pub fn device_lists_changed_after(&self, position: Position) -> Option<Vec<Arc<OwnedUserId>>> {
        let device_lists = self.device_lists.lock();
        let changed = device_lists.after(UpTo { log: position, ephemeral: 0 });
        changed.map(|changed| changed.cloned().collect())
    }

    /// Notes that a receipt of the user's changed in a room.
    pub fn set_receipt_changed(&self, room: RoomNid, position: Position) {
        self.receipts_changed.lock().note(room, UpTo { log: position, ephemeral: 0 });
    }

    /// Whether a receipt of the user's may have changed in a room after a position.
    pub fn receipts_changed_after(&self, room: RoomNid, position: Position) -> bool {
        let changed = self.receipts_changed.lock();
        let later = changed.after(UpTo { log: position, ephemeral: 0 });
        later.is_none_or(|mut later| later.any(|known| *known == room))
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

    use ruma::{UserId, user_id};

    use super::*;

    fn upto(log: u64) -> UpTo {
        UpTo { log: Position(log), ephemeral: 0 }
    }

    fn user_room(membership: Membership, position: u64) -> UserRoom {
        UserRoom { membership, kind: RoomKind::Plain, position: Position(position) }
    }

    fn online(rooms: u64) -> Online {
        let online = Online::new(user_id!("@alice:h.org").to_owned(), 1, &Budget::new(1 << 20));
        online.watch_from(upto(0));
        for room in 1..=rooms {
            online.set_room(RoomNid(room), user_room(Membership::Join, 1));
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
        online.touch(RoomNid(7), upto(12));
        assert_eq!(changed(&online, 9), (vec![1, 2], false), "the user is not in room 7");
        assert_eq!(changed(&online, 10), (vec![2], false));
    }

    #[test]
    fn who_was_away_has_more_to_be_told() {
        let online = online(100);
        online.watch_from(upto(5));
        assert!(online.is_nearly_told(upto(5)));
        assert!(!online.is_nearly_told(upto(4)), "it is not known what changed");
        for room in 1..=FEW_ROOMS as u64 {
            online.touch(RoomNid(room), upto(10 + room));
        }
        assert!(online.is_nearly_told(upto(5)));
        online.touch(RoomNid(99), upto(40));
        assert!(!online.is_nearly_told(upto(5)), "too many rooms");
        assert!(online.is_nearly_told(upto(11)));
        for n in 0..=RECENT_DEVICE_LISTS as u64 {
            let user = Arc::new(UserId::parse(format!("@u{n}:h.org")).unwrap());
            online.set_device_list_changed(&user, Position(50 + n));
        }
        assert!(!online.is_nearly_told(upto(40)), "too many device lists");
    }

    #[test]
    fn who_was_away_for_longer_than_is_remembered_looks_at_every_room() {
        let online = online(300);
        online.watch_from(upto(5));
        assert_eq!(changed(&online, 5), (vec![], false));
        let (rooms, all) = changed(&online, 4);
        assert_eq!((rooms.len(), all), (300, true));
    }

    #[test]
    fn an_older_membership_does_not_replace_a_newer_one() {
        let online = online(1);
        let left = user_room(Membership::Leave, 9);
        assert_eq!(online.set_room(RoomNid(1), left), left);
        let old = user_room(Membership::Join, 3);
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
