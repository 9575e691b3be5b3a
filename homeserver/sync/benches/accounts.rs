//! What a `/sync` and a sliding sync cost an account in 20 to 10,000 rooms: `cargo bench -p hearth-sync --bench accounts`. Each figure is
//! the lower quartile of many rounds, and beside it how much more it is than for the smallest account. It writes to the
//! engine in memory: what is measured is our own work.

use std::{sync::Arc, time::Duration};

use hearth_rooms::{CreateRoom, NewEvent, Preset, Room, Rooms, RoomsOptions};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, schema::users::AccountKind,
};
use hearth_sync::{SlidingBody, SlidingForm, SyncOptions, SyncRequest, SyncService, SyncToken};
use hearth_users::{NewAccount, Users, UsersOptions};
use ruma::{owned_server_name, owned_user_id, presence::PresenceState};
use serde_json::{json, value::to_raw_value};
use tokio::time::Instant;

const ROOMS: [usize; 3] = [20, 2_000, 10_000];
const ROUNDS: usize = 60;
/// In so many rooms something happens while the client is away.
const CHANGED: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut smallest: Option<[Duration; 8]> = None;
    for rooms in ROOMS {
        let mut account = Account::in_rooms(rooms).await;
        let costs = [
            account.one_message().await,
            account.away().await,
            account.first().await,
            account.slide_in_view().await,
            account.slide_into_view().await,
            account.slide_away().await,
            account.first_window(true).await,
            account.first_window(false).await,
        ];
        let base = *smallest.get_or_insert(costs);
        println!("{rooms} rooms");
        let names = [
            "an answer to one message",
            "an answer to who was away",
            "a first answer, with all rooms",
            "sliding: one message in view",
            "sliding: one that comes into view",
            "sliding: to who was away",
            "sliding: a first window, online",
            "sliding: a first window, unknown",
        ];
        for ((name, cost), base) in names.into_iter().zip(costs).zip(base) {
            println!("  {name:34} {cost:>12.1?}  {:>7.2} times", cost.as_secs_f64() / base.as_secs_f64());
        }
    }
}

/// A user of a server, in many rooms.
struct Account {
    all: Rooms,
    users: Users,
    rooms: Vec<Room>,
    store: Store,
    clock: Arc<ManualClock>,
    sync: SyncService,
    since: Option<SyncToken>,
    pos: Option<String>,
    said: usize,
}

impl Account {
    async fn in_rooms(count: usize) -> Self {
        let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
        let (clock, random) = (Arc::new(ManualClock::new(1_700_000_000_000)), Arc::new(SeededRandom::new(7)));
        let options = RoomsOptions {
            server_name: owned_server_name!("h.org"),
            key: SigningKey::generate([1; 32], "a").unwrap(),
            cache_bytes: 256 << 20,
            default_version: RoomVersion::V12,
            retention: Default::default(),
        };
        let all = Rooms::open(store.clone(), options, clock.clone(), random.clone()).unwrap();
        let users = Users::new(store.clone(), clock.clone(), random, UsersOptions::default()).unwrap();
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        let alice = owned_user_id!("@alice:h.org");
        users.accounts.create(&alice, account).await.unwrap();
        users.sessions.create(&alice, Some("D".into()), None, false).await.unwrap();
        let mut rooms = Vec::new();
        for _ in 0..count {
            let id = all.create_room(CreateRoom::new(alice.clone(), Preset::PrivateChat)).await.unwrap();
            rooms.push(all.room(&id).unwrap());
        }
        let sync = start(&all, &users, &clock);
        let mut account = Self { all, users, rooms, store, clock, sync, since: None, pos: None, said: 0 };
        account.sync().await;
        account
    }

    /// The next sync, and how long it took.
    async fn sync(&mut self) -> Duration {
        self.sync.reached(self.store.published()).await.unwrap();
        let request = SyncRequest {
            user: owned_user_id!("@alice:h.org"),
            device: "D".into(),
            filter: Arc::default(),
            since: self.since,
            full_state: false,
            state_after: None,
            set_presence: PresenceState::Online,
            timeout: Duration::ZERO,
        };
        let begun = Instant::now();
        let response = self.sync.sync(request).await.unwrap();
        let cost = begun.elapsed();
        let response: serde_json::Value = serde_json::from_str(&response).unwrap();
        self.since = Some(response["next_batch"].as_str().unwrap().parse().unwrap());
        cost
    }

    /// The next sliding sync of a window of 20 rooms, as a client of today asks for it, and how long it took.
    async fn slide(&mut self) -> Duration {
        self.sync.reached(self.store.published()).await.unwrap();
        let body = json!({
            "lists": { "all_rooms": {
                "ranges": [[0, 19]], "timeline_limit": 1, "filters": { "not_room_types": ["m.space"] },
                "required_state": [
                    ["m.room.name", ""], ["m.room.encryption", ""], ["m.room.create", ""], ["m.room.avatar", ""],
                    ["m.room.member", "$ME"], ["m.room.member", "$LAZY"], ["m.space.child", "*"],
                ],
            } },
            "extensions": {
                "account_data": { "enabled": true }, "receipts": { "enabled": true }, "typing": { "enabled": true },
            },
        });
        let body: SlidingBody = serde_json::from_value(body).unwrap();
        let who = (owned_user_id!("@alice:h.org"), "D".into());
        let (form, presence) = (SlidingForm::Unstable, PresenceState::Online);
        let request = body.request(form, who, self.pos.as_deref(), Duration::ZERO, presence).unwrap();
        let begun = Instant::now();
        let response = self.sync.sliding_sync(request).await.unwrap();
        let cost = begun.elapsed();
        let response: serde_json::Value = serde_json::from_str(&response).unwrap();
        self.pos = Some(response["pos"].as_str().unwrap().to_owned());
        cost
    }

    /// A message in one of a few rooms, which stay in view.
    async fn slide_in_view(&mut self) -> Duration {
        let mut costs = Vec::new();
        for n in 0..ROUNDS {
            self.say_in(n % 10).await;
            costs.push(self.slide().await);
        }
        costs.drain(..10);
        lower_quartile(costs)
    }

    /// A message in one room after the other.
    async fn slide_into_view(&mut self) -> Duration {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            self.say().await;
            costs.push(self.slide().await);
        }
        lower_quartile(costs)
    }

    async fn slide_away(&mut self) -> Duration {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS / 4 {
            for _ in 0..CHANGED {
                self.say().await;
            }
            self.sync = start(&self.all, &self.users, &self.clock);
            costs.push(self.slide().await);
        }
        lower_quartile(costs)
    }

    /// On another device of a user who is online, or of one of whom nothing is remembered.
    async fn first_window(&mut self, online: bool) -> Duration {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS / 4 {
            if !online {
                self.sync = start(&self.all, &self.users, &self.clock);
            }
            self.pos = None;
            costs.push(self.slide().await);
        }
        lower_quartile(costs)
    }

    async fn say(&mut self) {
        self.said += 1;
        self.say_in(self.said * 7 % self.rooms.len()).await;
    }

    async fn say_in(&mut self, room: usize) {
        let content = to_raw_value(&json!({ "msgtype": "m.text", "body": self.said.to_string() })).unwrap();
        let event = NewEvent::message(&owned_user_id!("@alice:h.org"), "m.room.message", content);
        self.rooms[room].send(event, None).await.unwrap();
    }

    async fn one_message(&mut self) -> Duration {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            self.say().await;
            costs.push(self.sync().await);
        }
        lower_quartile(costs)
    }

    /// Away for so long that nothing is remembered of the user.
    async fn away(&mut self) -> Duration {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS / 4 {
            for _ in 0..CHANGED {
                self.say().await;
            }
            // After a restart nothing is remembered either.
            self.sync = start(&self.all, &self.users, &self.clock);
            costs.push(self.sync().await);
        }
        lower_quartile(costs)
    }

    async fn first(&mut self) -> Duration {
        let mut costs = Vec::new();
        for _ in 0..5 {
            self.since = None;
            costs.push(self.sync().await);
        }
        lower_quartile(costs)
    }
}

fn start(rooms: &Rooms, users: &Users, clock: &Arc<ManualClock>) -> SyncService {
    let options = SyncOptions { presence: false, ..SyncOptions::default() };
    SyncService::start(rooms.clone(), users.clone(), Arc::default(), clock.clone(), options)
}

fn lower_quartile(mut costs: Vec<Duration>) -> Duration {
    costs.sort_unstable();
    costs[costs.len() / 4]
}
