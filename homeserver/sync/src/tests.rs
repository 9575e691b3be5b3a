//! Sync over real rooms and users, on the engine in memory.

use std::{sync::Arc, time::Duration};

use hearth_push::EvaluatedRooms;
use hearth_rooms::{ClientTransaction, CreateRoom, Event, NewEvent, Preset, Room, Rooms, RoomsOptions};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, schema::users::AccountKind,
};
use hearth_users::{NewAccount, PasswordCost, SyncFilter, Users, UsersOptions};
use ruma::{OwnedDeviceId, OwnedUserId, RoomVersionId, UserId, owned_server_name, presence::PresenceState};
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{StateAfter, SyncOptions, SyncRequest, SyncService, SyncToken};

mod bounds;
mod counts;
mod devices;
mod events;
mod membership;
mod profiles;
mod rooms;
mod sliding;
mod sticky;
mod waiting;

/// A whole server but for HTTP.
#[derive(Clone)]
struct World {
    clock: Arc<ManualClock>,
    rooms: Rooms,
    users: Users,
    sync: SyncService,
}

impl World {
    /// To be called within a runtime.
    fn new() -> Self {
        Self::with(SyncOptions { presence: false, ..SyncOptions::default() })
    }

    fn with(options: SyncOptions) -> Self {
        let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
        Self::on(store, options)
    }

    fn with_evaluated(options: SyncOptions, evaluated_bytes: usize) -> Self {
        let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
        Self::open(store, options, EvaluatedRooms::new(evaluated_bytes))
    }

    fn on(store: Store, options: SyncOptions) -> Self {
        Self::open(store, options, EvaluatedRooms::default())
    }

    fn open(store: Store, options: SyncOptions, evaluated: EvaluatedRooms) -> Self {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(7));
        let rooms = RoomsOptions {
            server_name: owned_server_name!("h.org"),
            key: SigningKey::generate([1; 32], "a").unwrap(),
            cache_bytes: 16 << 20,
            default_version: RoomVersion::of(&RoomVersionId::V12).unwrap(),
            retention: Default::default(),
        };
        let rooms = Rooms::open(store.clone(), rooms, clock.clone(), random.clone()).unwrap();
        let users = UsersOptions { password_cost: PasswordCost::QUICK, ..UsersOptions::default() };
        let users = Users::new(store, clock.clone(), random, users).unwrap();
        let sync =
            SyncService::start(rooms.clone(), users.clone(), Arc::new(evaluated), clock.clone(), options);
        Self { clock, rooms, users, sync }
    }

    /// An account with the device `D`.
    async fn user(&self, name: &str) -> Client {
        let user = UserId::parse(format!("@{name}:h.org")).unwrap();
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        self.users.accounts.create(&user, account).await.unwrap();
        self.client(&user, "D").await
    }

    /// A client that was there before a restart.
    fn existing(&self, client: &Client) -> Client {
        let (user, device, filter) = (client.user.clone(), client.device.clone(), client.filter.clone());
        Client {
            world: self.clone(),
            user,
            device,
            filter,
            state_after: client.state_after,
            since: client.since,
        }
    }

    async fn client(&self, user: &UserId, device: &str) -> Client {
        let device = OwnedDeviceId::from(device);
        self.users.sessions.create(user, Some(&device), None, false).await.unwrap();
        Client {
            world: self.clone(),
            user: user.to_owned(),
            device,
            filter: json!({}),
            state_after: None,
            since: None,
        }
    }
}

/// A client of a user.
struct Client {
    world: World,
    user: OwnedUserId,
    device: OwnedDeviceId,
    filter: Value,
    state_after: Option<StateAfter>,
    since: Option<SyncToken>,
}

impl Client {
    fn request(&self, timeout: Duration) -> SyncRequest {
        SyncRequest {
            user: self.user.clone(),
            device: self.device.clone(),
            filter: Arc::new(SyncFilter::parse(&self.filter.to_string()).unwrap()),
            since: self.since,
            full_state: false,
            state_after: self.state_after,
            set_presence: PresenceState::Online,
            timeout,
        }
    }

    /// Syncs on from where it is, and waits for something to be told.
    async fn wait(&mut self) -> Value {
        self.sync_for(Duration::from_secs(10)).await
    }

    /// Syncs on from where it is, up to all that was written.
    async fn sync(&mut self) -> Value {
        self.world.sync.reached(self.world.rooms.store().published()).await.unwrap();
        self.sync_for(Duration::ZERO).await
    }

    async fn sync_for(&mut self, timeout: Duration) -> Value {
        let response = self.world.sync.sync(self.request(timeout)).await.unwrap();
        let response: Value =
            serde_json::from_str(&response).unwrap_or_else(|error| panic!("{error}: {response}"));
        self.since = Some(response["next_batch"].as_str().unwrap().parse().unwrap());
        response
    }

    async fn create(&self, preset: Preset) -> Room {
        let request = CreateRoom::new(self.user.clone(), preset);
        // Two rooms with all the same in one millisecond would be one.
        self.world.clock.advance(1);
        let id = self.world.rooms.create_room(request).await.unwrap();
        self.world.rooms.room(&id).unwrap()
    }

    /// A public room with others in it.
    async fn create_with(&self, others: &[&Client]) -> Room {
        let room = self.create(Preset::PublicChat).await;
        for other in others {
            other.join(&room).await;
        }
        room
    }

    async fn join(&self, room: &Room) -> Arc<Event> {
        self.world.rooms.join(room, &self.user, Map::new()).await.unwrap()
    }

    async fn say(&self, room: &Room, body: &str) -> Arc<Event> {
        self.send(room, json!({"msgtype": "m.text", "body": body})).await
    }

    async fn send(&self, room: &Room, content: Value) -> Arc<Event> {
        let event = NewEvent::message(&self.user, "m.room.message", to_raw_value(&content).unwrap());
        let transaction = ClientTransaction {
            user: self.user.clone(),
            device: self.device.clone(),
            endpoint: "send".to_owned(),
            transaction_id: format!("t{}", self.world.rooms.store().published()),
        };
        room.send(event, Some(transaction)).await.unwrap()
    }

    async fn set(&self, room: &Room, event_type: &str, state_key: &str, content: Value) -> Arc<Event> {
        let event = NewEvent::state_json(&self.user, event_type, state_key, &content).unwrap();
        room.send(event, None).await.unwrap()
    }

    async fn set_membership(&self, room: &Room, target: &Client, membership: &str) -> Arc<Event> {
        room.set_membership(&self.user, &target.user, membership, Map::new()).await.unwrap()
    }

    async fn read(&self, room: &Room, receipt_type: &str, thread: Option<&str>, event: &Event) {
        room.set_receipt(&self.user, receipt_type, thread, event).await.unwrap();
    }
}

/// The bodies of the messages in a room's timeline.
fn bodies(response: &Value, room: &Room) -> Vec<String> {
    let events = response["rooms"]["join"][room.id().as_str()]["timeline"]["events"].as_array();
    let bodies = events.into_iter().flatten().filter_map(|event| event["content"]["body"].as_str());
    bodies.map(str::to_owned).collect()
}

/// The part of a joined room.
fn joined<'a>(response: &'a Value, room: &Room) -> &'a Value {
    &response["rooms"]["join"][room.id().as_str()]
}

/// Types and state keys of the events of a list.
fn kinds(list: &Value) -> Vec<(String, String)> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or("-").to_owned();
    let mut kinds: Vec<_> = list["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| (text(event, "type"), text(event, "state_key")))
        .collect();
    kinds.sort();
    kinds
}

fn kind(event_type: &str, state_key: &str) -> (String, String) {
    (event_type.to_owned(), state_key.to_owned())
}
