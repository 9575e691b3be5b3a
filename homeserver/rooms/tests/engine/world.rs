//! A room engine in memory, and people in it.

use std::sync::Arc;

use hearth_rooms::{CreateRoom, Event, NewEvent, Preset, Retention, Room, RoomError, Rooms, RoomsOptions};
use hearth_spec::{EventTemplate, Pdu, RoomVersion, SigningKey, room_version::EventIdFormat};
use hearth_storage::{ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions};
use ruma::{OwnedEventId, OwnedUserId, ServerName, UserId, server_name};
use serde_json::{Value, json, value::to_raw_value};

pub struct World {
    pub rooms: Rooms,
    pub engine: MemoryEngine,
    pub clock: Arc<ManualClock>,
}

pub fn user(name: &str) -> OwnedUserId {
    UserId::parse(format!("@{name}:here")).unwrap()
}

pub fn far(name: &str) -> OwnedUserId {
    UserId::parse(format!("@{name}:there")).unwrap()
}

/// So small that what is read is not always at hand.
const SMALL_CACHE: u64 = 8 << 20;

pub fn open(engine: MemoryEngine) -> World {
    open_as(server_name!("here"), engine)
}

/// Another server.
pub fn world_of(server: &ServerName) -> World {
    open_as(server, MemoryEngine::new())
}

pub fn open_as(server: &ServerName, engine: MemoryEngine) -> World {
    open_with_cache(server, engine, SMALL_CACHE)
}

pub fn open_with_cache(server: &ServerName, engine: MemoryEngine, cache_bytes: u64) -> World {
    open_with(server, engine, cache_bytes, Retention::default())
}

/// A server where what is sent does not stay for ever.
pub fn forgetful(retention: Retention) -> World {
    open_with(server_name!("here"), MemoryEngine::new(), SMALL_CACHE, retention)
}

fn open_with(server: &ServerName, engine: MemoryEngine, cache_bytes: u64, retention: Retention) -> World {
    let store = Store::open(engine.clone(), StoreOptions::default()).unwrap();
    // Another one after a restart: what was chosen at random before must not come again.
    let seed = server.as_str().len() as u64 + store.published().0;
    let options = RoomsOptions {
        server_name: server.to_owned(),
        key: SigningKey::generate([server.as_str().len() as u8; 32], "a").unwrap(),
        cache_bytes,
        default_version: RoomVersion::V12,
        retention,
    };
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let rooms = Rooms::open(store, options, clock.clone(), Arc::new(SeededRandom::new(seed))).unwrap();
    World { rooms, engine, clock }
}

pub fn world() -> World {
    open(MemoryEngine::new())
}

pub fn create(creator: &UserId, preset: Preset, version: RoomVersion) -> CreateRoom {
    CreateRoom { version: Some(version), ..CreateRoom::new(creator.to_owned(), preset) }
}

impl World {
    pub async fn public_room(&self, creator: &UserId, version: RoomVersion) -> Room {
        let id = self.rooms.create_room(create(creator, Preset::PublicChat, version)).await.unwrap();
        self.rooms.room(&id).unwrap()
    }
}

pub async fn say(room: &Room, sender: &UserId, body: &str) -> Result<Arc<Event>, RoomError> {
    let content = to_raw_value(&json!({ "msgtype": "m.text", "body": body })).unwrap();
    room.send(NewEvent::message(sender, "m.room.message", content), None).await
}

pub async fn set(
    room: &Room,
    sender: &UserId,
    event_type: &str,
    state_key: &str,
    content: Value,
) -> Result<Arc<Event>, RoomError> {
    room.send(NewEvent::state_json(sender, event_type, state_key, &content).unwrap(), None).await
}

pub fn ids(events: &[Arc<Event>]) -> Vec<OwnedEventId> {
    events.iter().map(|event| event.id().to_owned()).collect()
}

pub fn pdus(events: &[Arc<Event>]) -> Vec<Pdu> {
    events.iter().map(|event| (*event.pdu).clone()).collect()
}

/// An event as another server gets it.
pub fn sent(event: &Event) -> Pdu {
    Pdu::parse(event.pdu.version(), event.pdu.text()).unwrap()
}

pub fn member(user: &UserId, membership: &str) -> NewEvent {
    let content = json!({ "membership": membership });
    NewEvent::state_json(user, "m.room.member", user.as_str(), &content).unwrap()
}

/// An event as another server makes it: on the prev events it knows, by the state it sees.
pub struct Elsewhere<'a> {
    pub room: &'a Room,
    pub sender: &'a UserId,
    pub prev: &'a [&'a Event],
    /// The events of its auth events.
    pub auth: &'a [Arc<Event>],
}

impl Elsewhere<'_> {
    pub fn make(&self, event_type: &str, state_key: Option<&str>, content: Value) -> Pdu {
        self.seal(self.template(event_type, state_key, content))
    }

    /// The event before it is signed, for what no honest server makes.
    pub fn template(&self, event_type: &str, state_key: Option<&str>, content: Value) -> EventTemplate {
        let prev_events: Vec<OwnedEventId> = self.prev.iter().map(|event| event.id().to_owned()).collect();
        let old = self.room.version().event_id_format() == EventIdFormat::Chosen;
        EventTemplate {
            event_type: event_type.to_owned(),
            state_key: state_key.map(str::to_owned),
            content: to_raw_value(&content).unwrap(),
            sender: self.sender.to_owned(),
            room_id: Some(self.room.id().to_owned()),
            origin_server_ts: 1_700_000_000_000,
            depth: self.prev.iter().map(|event| event.pdu.depth()).max().unwrap_or(0) + 1,
            prev_events,
            auth_events: self.auth.iter().map(|event| event.id().to_owned()).collect(),
            redacts: None,
            sticky: None,
            // Only versions 1 and 2 look at it.
            event_id_localpart: old.then(|| format!("{}-{event_type}", self.prev.len())),
        }
    }

    pub fn seal(&self, template: EventTemplate) -> Pdu {
        let key = SigningKey::generate([2; 32], "b").unwrap();
        template.seal(self.room.version(), self.sender.server_name(), &key).unwrap()
    }
}
