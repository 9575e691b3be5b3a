//! Who is online in which room: an event there concerns them, and only them.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use hearth_storage::{Position, RoomNid};
use parking_lot::{Mutex, RwLock};
use ruma::{OwnedUserId, UserId};

use crate::{online::Online, token::UpTo};

/// The rooms with someone online in them.
#[derive(Default)]
pub(crate) struct WatchedRooms(RwLock<HashMap<RoomNid, Arc<WatchedRoom>>>);

/// A room with someone online in it.
pub(crate) struct WatchedRoom {
    users: Mutex<HashMap<OwnedUserId, Arc<Online>>>,
    /// The position of the last receipt, where it came after `since`.
    last_receipt: AtomicU64,
    /// From here on everything is noted.
    since: Position,
}

/// Those to be woken, each once, in the order in which they were found: addresses have none that comes again.
#[derive(Default)]
pub(crate) struct Wakes {
    known: HashSet<*const Online>,
    all: Vec<Arc<Online>>,
}

impl Wakes {
    pub fn add(&mut self, online: &Arc<Online>) {
        if self.known.insert(Arc::as_ptr(online)) {
            self.all.push(online.clone());
        }
    }

    pub fn add_all(&mut self, others: Self) {
        others.all.iter().for_each(|online| self.add(online));
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Online>> {
        self.all.iter()
    }

    pub fn wake(self, upto: UpTo) {
        for online in self.all {
            online.wake(upto);
        }
    }
}

impl WatchedRooms {
    pub fn get(&self, room: RoomNid) -> Option<Arc<WatchedRoom>> {
        self.0.read().get(&room).cloned()
    }

    /// Takes a user into a room of which everything after `since` is noted.
    pub fn enter(&self, room: RoomNid, online: &Arc<Online>, since: Position) {
        let mut rooms = self.0.write();
        let watched = rooms.entry(room).or_insert_with(|| {
            Arc::new(WatchedRoom { users: Mutex::default(), last_receipt: AtomicU64::new(0), since })
        });
        watched.users.lock().insert(online.user.clone(), online.clone());
    }

    /// Takes a user out of a room.
    pub fn leave(&self, room: RoomNid, user: &UserId) {
        let mut rooms = self.0.write();
        if let Some(watched) = rooms.get(&room) {
            let mut users = watched.users.lock();
            users.remove(user);
            let empty = users.is_empty();
            drop(users);
            if empty {
                rooms.remove(&room);
            }
        }
    }

    /// Takes everyone out of every room.
    pub fn clear(&self) {
        self.0.write().clear();
    }

    /// Notes with everyone in a room that something changed there.
    pub fn touch(&self, room: RoomNid, at: UpTo, wakes: &mut Wakes) {
        if let Some(watched) = self.get(room) {
            for online in watched.users.lock().values() {
                online.touch(room, at);
                wakes.add(online);
            }
        }
    }
}

impl WatchedRoom {
    /// Adds everyone who is online in the room.
    pub fn add_to(&self, wakes: &mut Wakes) {
        self.users.lock().values().for_each(|online| wakes.add(online));
    }

    /// Notes a receipt.
    pub fn set_receipt(&self, position: Position) {
        self.last_receipt.fetch_max(position.0, SeqCst);
    }

    /// Whether a receipt may have come after a position.
    pub fn has_receipts_after(&self, position: Position) -> bool {
        self.since > position || self.last_receipt.load(SeqCst) > position.0
    }
}
