//! All rooms: finding them, keeping the hot ones in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Weak, atomic::AtomicU64},
};

use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    Clock, EventNid, Numbers, Position, Random, RoomNid, Scan, StorageError, Store, View,
    schema::{self, rooms::UserRoomRow},
};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use ruma::{EventId, OwnedRoomId, OwnedServerName, RoomId, ServerName, UserId};

use crate::{
    RoomError,
    index::{
        reachability::Reachability, resolutions::Resolutions, state_keys::StateKeys, state_tree::StateTrees,
    },
    read::{
        bans::Bans,
        event::{Event, Events},
        partial::whole_since,
        reading::Reader,
        retention::Retention,
        room::{Head, Room, RoomInner},
        shared::{Shared, Versions, version_named},
    },
};

/// How the room engine is set up.
pub struct RoomsOptions {
    pub server_name: OwnedServerName,
    /// Signs the events of this server.
    pub key: SigningKey,
    /// For all caches of rooms, events and state.
    pub cache_bytes: u64,
    /// The version of rooms for which none is asked.
    pub default_version: RoomVersion,
    pub retention: Retention,
}

/// All rooms of a server. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    pub(crate) shared: Arc<Shared>,
    registry: Arc<Registry>,
    pub(crate) default_version: RoomVersion,
}

/// Which rooms are loaded. Whoever holds a room keeps it loaded; `hot` holds the ones used lately.
struct Registry {
    loaded: Arc<Mutex<Loaded>>,
    hot: Cache<RoomNid, Room>,
    /// The numbers of rooms that were asked for lately. They never change.
    nids: Cache<OwnedRoomId, RoomNid>,
    numbers: Numbers,
    last_creation: AtomicU64,
}

#[derive(Default)]
struct Loaded {
    rooms: HashMap<RoomNid, Weak<RoomInner>>,
    /// Rooms that come from elsewhere, whose numbers may not be durable yet.
    arriving: HashMap<OwnedRoomId, Weak<RoomInner>>,
}

/// A loaded room with its id and its newest events weighs about this.
const HOT_ROOM_BYTES: u64 = 48 * 1024;

impl Rooms {
    /// Opens the rooms of a store.
    pub fn open(
        store: Store,
        options: RoomsOptions,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, RoomError> {
        let last = store.view().scan(&schema::ROOMS, Scan::all().reversed()).next().transpose()?;
        let part = options.cache_bytes / 8;
        let shared = Shared {
            events: Events::open(&store, part * 3)?,
            state_keys: StateKeys::open(store.clone(), part / 8 * 7)?,
            trees: StateTrees::new(part * 2 - part / 16),
            resolutions: Resolutions::new(part / 16),
            reachability: Reachability::new(part),
            versions: Versions::new(store.clone(), part / 8),
            bans: Bans::open(store.clone())?,
            aliases: Mutex::default(),
            delaying: Mutex::default(),
            administering: Mutex::default(),
            retention: options.retention,
            purged: Default::default(),
            transaction_days: Default::default(),
            policy_servers: Default::default(),
            view: store.view(),
            server_name: options.server_name,
            key: options.key,
            store,
            clock,
            random,
        };
        let hot = (part / HOT_ROOM_BYTES).max(16) as usize;
        let registry = Registry {
            loaded: Arc::default(),
            hot: Cache::new(hot),
            nids: Cache::new(hot),
            numbers: Numbers::open(shared.store.clone(), "rooms_given", last.map_or(0, |((nid,), _)| nid.0))?,
            last_creation: AtomicU64::new(0),
        };
        let rooms = Self {
            shared: Arc::new(shared),
            registry: Arc::new(registry),
            default_version: options.default_version,
        };
        rooms.follow_commits();
        Ok(rooms)
    }

    /// Keeps what loaded rooms have in memory as it is committed, whoever commits it.
    fn follow_commits(&self) {
        // It has but weak references to the rooms: the store must not keep those who keep it.
        let room = |loaded: &Mutex<Loaded>, nid| loaded.lock().rooms.get(&nid).and_then(Weak::upgrade);
        let loaded = self.registry.loaded.clone();
        self.shared.store.observe(&schema::TIMELINE, move |row| {
            let (nid, order) = row.key()?;
            if let Some(room) = room(&loaded, nid) {
                match row.value()? {
                    Some(event) => room.came(order, event),
                    None => room.went(order),
                }
            }
            Ok(())
        });
        let loaded = self.registry.loaded.clone();
        self.shared.store.observe(&schema::GAPS, move |row| {
            let (nid, order) = row.key()?;
            if let Some(room) = room(&loaded, nid) {
                room.gap_changed(order);
            }
            Ok(())
        });
        let loaded = self.registry.loaded.clone();
        self.shared.store.observe(&schema::ROOM_HEADS, move |row| {
            if let (Some(room), Some(head)) = (room(&loaded, row.key()?.0), row.value()?) {
                room.publish(head);
            }
            Ok(())
        });
        let loaded = self.registry.loaded.clone();
        self.shared.store.observe(&schema::PARTIAL_ROOMS, move |row| {
            if let Some(room) = room(&loaded, row.key()?.0) {
                room.whole_since.send_replace(whole_since(row.value()?));
            }
            Ok(())
        });
    }

    pub fn server_name(&self) -> &ServerName {
        &self.shared.server_name
    }

    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Whom this server has nothing to do with.
    pub fn bans(&self) -> &Bans {
        &self.shared.bans
    }

    /// The time, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.shared.clock.now_ms()
    }

    /// The room of this id, or [`RoomError::UnknownRoom`].
    pub fn room(&self, id: &RoomId) -> Result<Room, RoomError> {
        self.find_room(id)?.ok_or(RoomError::UnknownRoom)
    }

    /// The room of this id, if it is or once was here; not one of which only an invite or a knock tells.
    pub fn find_room(&self, id: &RoomId) -> Result<Option<Room>, RoomError> {
        let Some(nid) = self.nid_of(id)? else { return Ok(None) };
        match self.room_by_nid(nid) {
            Ok(room) => Ok(Some(room)),
            Err(RoomError::UnknownRoom) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number of a room of which anything is known.
    pub fn nid_of(&self, id: &RoomId) -> Result<Option<RoomNid>, RoomError> {
        if let Some(nid) = self.registry.nids.get(id) {
            return Ok(Some(nid));
        }
        let nid = self.shared.view.get(&schema::ROOM_NIDS, (id,))?;
        if let Some(nid) = nid {
            self.registry.nids.insert(id.to_owned(), nid);
        }
        Ok(nid)
    }

    /// The id of a room of which anything is known.
    pub fn id_of(&self, nid: RoomNid) -> Result<Option<OwnedRoomId>, RoomError> {
        Ok(self.shared.view.get(&schema::ROOMS, (nid,))?.map(|row| row.room_id))
    }

    /// The room of this number, likewise.
    pub fn room_by_nid(&self, nid: RoomNid) -> Result<Room, RoomError> {
        if let Some(room) = self.registry.hot.get(&nid) {
            return room.if_known();
        }
        // Loaded under the lock: two handles with a writer each would tear the room apart.
        let mut loaded = self.registry.loaded.lock();
        if let Some(room) = loaded.rooms.get(&nid).and_then(Weak::upgrade) {
            let room = Room(room).if_known()?;
            self.registry.hot.insert(nid, room.clone());
            return Ok(room);
        }
        let row = self.shared.view.get(&schema::ROOMS, (nid,))?.ok_or(RoomError::UnknownRoom)?;
        if !self.shared.view.contains(&schema::ROOM_HEADS, (nid,))? {
            return Err(RoomError::UnknownRoom);
        }
        let version = version_named(&row)?;
        let room = self.load(&mut loaded, nid, row.room_id, version)?;
        self.registry.hot.insert(nid, room.clone());
        Ok(room)
    }

    /// The one handle on a room that may not be here, for what comes of it from elsewhere. Of a room that is
    /// not here an invite may have told a wrong version: `corrects` it.
    pub(crate) fn entrance(
        &self,
        id: &RoomId,
        version: RoomVersion,
        corrects: bool,
    ) -> Result<Room, RoomError> {
        let wrong = || RoomError::Invalid("the room is of another version".to_owned());
        let mut loaded = self.registry.loaded.lock();
        let view = self.shared.store.written();
        let known = view.get(&schema::ROOM_NIDS, (id,))?;
        let at_hand = match known {
            Some(nid) => loaded.rooms.get(&nid),
            None => loaded.arriving.get(id),
        };
        if let Some(room) = at_hand.and_then(Weak::upgrade) {
            return if room.version == version { Ok(Room(room)) } else { Err(wrong()) };
        }
        if let Some(nid) = known {
            let row = view.get(&schema::ROOMS, (nid,))?.ok_or(RoomError::UnknownRoom)?;
            if row.version != version.id().as_str()
                && (!corrects || view.contains(&schema::ROOM_HEADS, (nid,))?)
            {
                return Err(wrong());
            }
        }
        let nid = match known {
            Some(nid) => nid,
            None => self.allocate_nid()?,
        };
        self.shared.versions.insert(nid, version);
        let room = self.load(&mut loaded, nid, id.to_owned(), version)?;
        if known.is_none() {
            loaded.arriving.retain(|_, room| room.strong_count() > 0);
            loaded.arriving.insert(id.to_owned(), Arc::downgrade(&room.0));
        }
        Ok(room)
    }

    fn load(
        &self,
        loaded: &mut Loaded,
        nid: RoomNid,
        id: OwnedRoomId,
        version: RoomVersion,
    ) -> Result<Room, RoomError> {
        let head = |view: &View| {
            Ok::<Head, StorageError>(view.get(&schema::ROOM_HEADS, (nid,))?.unwrap_or_default())
        };
        let (durable, written) = (head(&self.shared.view)?, head(&self.shared.store.written())?);
        let whole_since = whole_since(self.shared.view.get(&schema::PARTIAL_ROOMS, (nid,))?);
        let inner =
            Arc::new(RoomInner::new(self.shared.clone(), nid, id, version, durable, written, whole_since));
        let gaps = Scan::prefix((nid,)).reversed();
        if let Some(((_, newest), ())) = self.shared.view.scan(&schema::GAPS, gaps).next().transpose()? {
            inner.gap_changed(newest);
        }
        loaded.rooms.insert(nid, Arc::downgrade(&inner));
        if loaded.rooms.len() > 2 * self.registry.hot.len() + 1024 {
            loaded.rooms.retain(|_, room| room.strong_count() > 0);
        }
        Ok(Room(inner))
    }

    /// A number that no room has.
    pub(crate) fn allocate_nid(&self) -> Result<RoomNid, RoomError> {
        Ok(RoomNid(self.registry.numbers.next()?))
    }

    /// The time, in milliseconds, at which a room is made: another one for each. From version 12 on a room's id
    /// is the hash of its create event, which may say nothing else that another room's does not.
    pub(crate) fn creation_ts(&self) -> u64 {
        use std::sync::atomic::Ordering::Relaxed;
        let now = self.now_ms();
        let after = |last: u64| now.max(last + 1);
        let last = self.registry.last_creation.fetch_update(Relaxed, Relaxed, |last| Some(after(last)));
        last.map_or_else(after, after)
    }

    /// Makes a room on its way one that others find: whoever sees it in the store must not load a second.
    pub(crate) fn register(&self, room: &Room) {
        self.registry.loaded.lock().rooms.insert(room.nid(), Arc::downgrade(&room.0));
        self.registry.hot.insert(room.nid(), room.clone());
    }

    pub fn event(&self, nid: EventNid) -> Result<Option<Arc<Event>>, RoomError> {
        self.shared.event(nid)
    }

    pub fn event_by_id(&self, id: &EventId) -> Result<Option<Arc<Event>>, RoomError> {
        self.shared.event_by_id(id)
    }

    /// The events behind numbers, in their order.
    pub fn events(&self, nids: &[EventNid]) -> Result<Vec<Arc<Event>>, RoomError> {
        self.shared.events_of(nids)
    }

    /// All rooms that are or were here, in the order in which they came.
    pub fn all(&self) -> Result<Vec<Room>, RoomError> {
        let rows = self.shared.view.scan(&schema::ROOM_HEADS, Scan::all());
        rows.map(|row| self.room_by_nid(row?.0.0)).collect()
    }

    /// How many events the timeline of each room has. It reads a row for each event.
    pub fn sizes(&self) -> Result<Vec<(OwnedRoomId, u64)>, RoomError> {
        let mut sizes = Vec::new();
        for room in self.all()? {
            let events = self.shared.view.scan(&schema::TIMELINE, Scan::prefix((room.nid(),)));
            sizes.push((room.id().to_owned(), events.count() as u64));
        }
        Ok(sizes)
    }

    /// The rooms a user has to do with, forgotten ones included.
    pub fn rooms_of(&self, user: &UserId) -> Result<Vec<(RoomNid, UserRoomRow)>, RoomError> {
        let view = &self.shared.view;
        let rows = view.scan(&schema::USER_ROOMS, Scan::prefix((user,)));
        Ok(rows.map(|row| row.map(|((_, room), row)| (room, row))).collect::<Result<_, _>>()?)
    }

    /// The positions of the last events in the timelines of rooms; 0 for one that is not here.
    pub fn last_events(&self, rooms: &[RoomNid]) -> Result<Vec<Position>, StorageError> {
        let view = &self.shared.view;
        let heads = view.multi_get(&schema::ROOM_HEADS, rooms.iter().map(|room| (*room,)))?;
        Ok(heads.into_iter().map(|head| head.map_or(Position(0), |head| head.position)).collect())
    }

    /// Whether a receipt changed in a room after a position.
    pub fn has_receipts_after(&self, room: RoomNid, position: Position) -> Result<bool, StorageError> {
        let view = &self.shared.view;
        let later = Scan::prefix((room,)).after((room, position));
        Ok(view.scan(&schema::RECEIPT_CHANGES, later).next().transpose()?.is_some())
    }

    /// What a user has to do with a room.
    pub fn user_room(&self, user: &UserId, room: RoomNid) -> Result<Option<UserRoomRow>, RoomError> {
        Ok(self.shared.view.get(&schema::USER_ROOMS, (user, room))?)
    }
}
