//! Who is online in which room: an event there concerns them, and only them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use hearth_storage::{Position, RoomNid, weight::of_map};
use parking_lot::{Mutex, RwLock};

use crate::{
    online::Online,
    token::UpTo,
    weight::{Budget, Held},
};

/// The rooms with someone online in them.
pub(crate) struct WatchedRooms {
    rooms: RwLock<HashMap<RoomNid, Arc<WatchedRoom>>>,
    /// What it takes, besides the place of each user in each room.
    held: Held,
}

/// A room with someone online in it.
pub(crate) struct WatchedRoom {
    /// By their ids, an order that is always the same: who comes goes to the end.
    users: Mutex<Vec<Arc<Online>>>,
    /// The position of the last receipt, where it came after `since`.
    last_receipt: AtomicU64,
    /// The position of the last event of the timeline; 0 where it is not known.
    last_event: AtomicU64,
    /// From here on everything is noted.
    since: Position,
}

/// Those to be woken, each once, in the order of their ids.
#[derive(Default)]
pub(crate) struct Wakes(BTreeMap<u64, Arc<Online>>);

impl Wakes {
    pub fn add(&mut self, online: &Arc<Online>) {
        self.0.entry(online.id).or_insert_with(|| online.clone());
    }

    pub fn add_all(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Online>> {
        self.0.values()
    }

    pub fn wake(self, upto: UpTo) {
        for online in self.0.into_values() {
            online.wake(upto);
        }
    }
}

impl WatchedRooms {
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { rooms: RwLock::default(), held: Held::new(budget) }
    }

    pub fn get(&self, room: RoomNid) -> Option<Arc<WatchedRoom>> {
        self.rooms.read().get(&room).cloned()
    }

    /// The positions of the last events of rooms, where they are known.
    pub fn last_events(&self, of: impl Iterator<Item = RoomNid>) -> Vec<Option<Position>> {
        let rooms = self.rooms.read();
        of.map(|room| rooms.get(&room)?.last_event()).collect()
    }

    /// Takes a user into rooms of which everything after `since` is noted.
    pub fn enter(&self, entered: impl Iterator<Item = RoomNid>, online: &Arc<Online>, since: Position) {
        let mut rooms = self.rooms.write();
        let known = rooms.len();
        for room in entered {
            let watched = rooms.entry(room).or_insert_with(|| {
                let (users, last_receipt, last_event) =
                    (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
                Arc::new(WatchedRoom { users, last_receipt, last_event, since })
            });
            let mut users = watched.users.lock();
            if let Err(place) = users.binary_search_by_key(&online.id, |known| known.id) {
                users.insert(place, online.clone());
            }
        }
        if rooms.len() > known {
            self.weigh(&rooms);
        }
    }

    /// Takes a user out of a room.
    pub fn leave(&self, room: RoomNid, online: &Online) {
        let mut rooms = self.rooms.write();
        if let Some(watched) = rooms.get(&room) {
            let mut users = watched.users.lock();
            if let Ok(place) = users.binary_search_by_key(&online.id, |known| known.id) {
                users.remove(place);
            }
            let empty = users.is_empty();
            drop(users);
            if empty {
                rooms.remove(&room);
                self.weigh(&rooms);
            }
        }
    }

    /// Takes everyone out of every room.
    pub fn clear(&self) {
        let mut rooms = self.rooms.write();
        rooms.clear();
        self.weigh(&rooms);
    }

    fn weigh(&self, rooms: &HashMap<RoomNid, Arc<WatchedRoom>>) {
        let room = size_of::<WatchedRoom>() + 2 * size_of::<usize>();
        self.held.set(of_map::<RoomNid, Arc<WatchedRoom>>(rooms.capacity()) + rooms.len() * room);
    }

    /// Notes with everyone in a room that something changed there.
    pub fn touch(&self, room: RoomNid, at: UpTo, wakes: &mut Wakes) {
        if let Some(watched) = self.get(room) {
            for online in &*watched.users.lock() {
                online.touch(room, at);
                wakes.add(online);
            }
        }
    }
}

impl WatchedRoom {
    /// Adds everyone who is online in the room.
    pub fn add_to(&self, wakes: &mut Wakes) {
        self.users.lock().iter().for_each(|online| wakes.add(online));
    }

    /// Notes a receipt.
    pub fn set_receipt(&self, position: Position) {
        self.last_receipt.fetch_max(position.0, SeqCst);
    }

    /// Notes an event of the timeline.
    pub fn set_event(&self, position: Position) {
        self.last_event.fetch_max(position.0, SeqCst);
    }

    /// The position of the last event of the timeline, if it is known.
    pub fn last_event(&self) -> Option<Position> {
        Some(Position(self.last_event.load(SeqCst))).filter(|position| position.0 > 0)
    }

    /// Whether a receipt may have come after a position.
    pub fn has_receipts_after(&self, position: Position) -> bool {
        self.since > position || self.last_receipt.load(SeqCst) > position.0
    }
}
