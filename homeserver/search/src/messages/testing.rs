//! Rooms without a server, and a search that follows them.

use std::{path::PathBuf, sync::Arc};

use hearth_rooms::{CreateRoom, Event, NewEvent, Preset, Room, Rooms, RoomsOptions};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, TimelineOrder};
use ruma::{OwnedUserId, UserId, owned_server_name};
use serde_json::{Map, Value, json, value::to_raw_value};
use tempfile::TempDir;

use super::{Found, Key, LEAST_MEMORY, Order, Scope, Search, SearchOptions, Terms};

pub(super) struct World {
    pub clock: Arc<ManualClock>,
    pub engine: MemoryEngine,
    pub rooms: Rooms,
    pub search: Search,
    folder: Arc<TempDir>,
}

impl World {
    pub fn new() -> Self {
        Self::on(MemoryEngine::new(), Arc::new(TempDir::new().unwrap()), StoreOptions::default())
    }

    /// Whose log is so short that a reader is behind at once.
    pub fn with_short_log() -> Self {
        let options = StoreOptions {
            log_bytes: 1 << 10,
            log_keeps: 1,
            trim_step: 10,
            recent_changes: 8,
            ..StoreOptions::default()
        };
        Self::on(MemoryEngine::new(), Arc::new(TempDir::new().unwrap()), options)
    }

    fn on(engine: MemoryEngine, folder: Arc<TempDir>, options: StoreOptions) -> Self {
        let store = Store::open(engine.clone(), options).unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let options = RoomsOptions {
            server_name: owned_server_name!("h.org"),
            key: SigningKey::generate([1; 32], "a").unwrap(),
            cache_bytes: 16 << 20,
            default_version: RoomVersion::V12,
            retention: Default::default(),
        };
        let random = Arc::new(SeededRandom::new(7));
        let rooms = Rooms::open(store, options, clock.clone(), random).unwrap();
        let search = Self::search_in(&rooms, folder.path().join("search"));
        Self { clock, engine, rooms, search, folder }
    }

    fn search_in(rooms: &Rooms, folder: PathBuf) -> Search {
        Search::start(rooms.clone(), SearchOptions { folder, memory_bytes: LEAST_MEMORY }).unwrap()
    }

    /// The server is killed, and another one begins on what is on its disk.
    pub fn killed(self) -> Self {
        let Self { engine, rooms, search, folder, .. } = self;
        drop((rooms, search));
        Self::on(engine.crash(), folder, StoreOptions::default())
    }

    /// The same, and the index is lost.
    pub fn killed_and_robbed(self) -> Self {
        let Self { engine, rooms, search, .. } = self;
        drop((rooms, search));
        Self::on(engine.crash(), Arc::new(TempDir::new().unwrap()), StoreOptions::default())
    }

    /// The same, and what says what is in the index is broken.
    pub fn killed_and_damaged(self) -> Self {
        let Self { engine, rooms, search, folder, .. } = self;
        drop((rooms, search));
        std::fs::write(folder.path().join("search/meta.json"), "{").unwrap();
        Self::on(engine.crash(), folder, StoreOptions::default())
    }

    /// A room in which users are.
    pub async fn room(&self, creator: &UserId, others: &[&UserId]) -> Room {
        let id = self.rooms.create_room(CreateRoom::new(creator.to_owned(), Preset::PublicChat));
        let room = self.rooms.room(&id.await.unwrap()).unwrap();
        for other in others {
            self.rooms.join(&room, other, Map::new()).await.unwrap();
        }
        room
    }

    pub async fn say(&self, room: &Room, sender: &UserId, body: &str) -> Arc<Event> {
        self.send(room, sender, json!({ "msgtype": "m.text", "body": body })).await
    }

    pub async fn send(&self, room: &Room, sender: &UserId, content: Value) -> Arc<Event> {
        self.clock.advance(1);
        let event = NewEvent::message(sender, "m.room.message", to_raw_value(&content).unwrap());
        room.send(event, None).await.unwrap()
    }

    pub async fn edit(&self, room: &Room, sender: &UserId, event: &Event, body: &str) -> Arc<Event> {
        let content = json!({
            "msgtype": "m.text", "body": format!("* {body}"),
            "m.new_content": { "msgtype": "m.text", "body": body },
            "m.relates_to": { "rel_type": "m.replace", "event_id": event.id() },
        });
        self.send(room, sender, content).await
    }

    pub async fn redact(&self, room: &Room, sender: &UserId, event: &Event) {
        let content = to_raw_value(&json!({ "redacts": event.id() })).unwrap();
        let mut redaction = NewEvent::message(sender, "m.room.redaction", content);
        redaction.redacts = Some(event.id().to_owned());
        room.send(redaction, None).await.unwrap();
    }

    /// What is found in all rooms.
    pub async fn find(&self, search_term: &str, order: Order) -> Found {
        let rooms = self.rooms.all().unwrap().into_iter().map(|room| (room.nid(), Some(TimelineOrder::MIN)));
        let scope = Scope::new(rooms, [Key::Body, Key::Name, Key::Topic]);
        let searching = self.search.begin().await;
        let terms = Terms::new(search_term);
        let statistics = searching.statistics(&terms).unwrap();
        searching.find(&terms, &statistics, &Arc::new(scope), order, None, 100).unwrap()
    }

    /// The bodies of what is found, the best first.
    pub async fn best(&self, search_term: &str) -> Vec<String> {
        self.bodies(&self.find(search_term, Order::Best).await)
    }

    /// The same, the newest first.
    pub async fn newest(&self, search_term: &str) -> Vec<String> {
        self.bodies(&self.find(search_term, Order::Newest).await)
    }

    /// As the messages were first.
    fn bodies(&self, found: &Found) -> Vec<String> {
        let body = |nid| {
            let event = self.rooms.event(nid).unwrap().unwrap();
            let content: Value = serde_json::from_str(event.pdu.content_str()).unwrap();
            ["body", "name", "topic"].iter().find_map(|key| content[*key].as_str()).unwrap_or("").to_owned()
        };
        found.hits.iter().map(|hit| body(hit.event)).collect()
    }
}

pub(super) fn user(name: &str) -> OwnedUserId {
    UserId::parse(format!("@{name}:h.org")).unwrap()
}
