//! Whatever happens, three clients know the same in the end: one that follows by `/sync`, one by sliding sync through windows
//! that slide, and one that begins anew. Answers get lost and the server restarts meanwhile.

use hearth_spec::MAX_STICKY_MS;
use proptest::{collection::vec, prelude::*, test_runner::RngSeed};
use ruma::EventId;

use super::*;

mod known;

use known::{Known, PlainKnown, STICKY};

/// Something that happens. Users and rooms are chosen by number.
#[derive(Clone, Debug)]
enum Step {
    Create {
        by: u8,
    },
    Say {
        by: u8,
        room: u8,
    },
    Reply {
        by: u8,
        room: u8,
    },
    /// Says something that is sticky.
    Stick {
        by: u8,
        room: u8,
    },
    Set {
        by: u8,
        room: u8,
        what: u8,
        value: u8,
    },
    Rename {
        by: u8,
        room: u8,
        value: u8,
    },
    Join {
        by: u8,
        room: u8,
    },
    Leave {
        by: u8,
        room: u8,
    },
    SetMembership {
        by: u8,
        of: u8,
        room: u8,
        what: u8,
    },
    Forget {
        room: u8,
    },
    Read {
        by: u8,
        room: u8,
        private: bool,
    },
    Redact {
        by: u8,
        room: u8,
    },
    Direct {
        room: u8,
        on: bool,
    },
    Tag {
        room: u8,
        on: bool,
    },
    ToDevice,
    Sync,
    /// A sliding sync of so many rooms from a place on, each with so many events.
    Slide {
        first: u8,
        rooms: u8,
        events: u8,
    },
    /// The same, but its answer does not arrive.
    Lose {
        first: u8,
        rooms: u8,
        events: u8,
    },
    /// The sliding client subscribes to a room as well, or to none.
    Subscribe {
        room: Option<u8>,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let (by, room) = (0u8..3, 0u8..6);
    prop_oneof![
        1 => by.clone().prop_map(|by| Create { by }),
        6 => (by.clone(), room.clone()).prop_map(|(by, room)| Say { by, room }),
        1 => (by.clone(), room.clone()).prop_map(|(by, room)| Reply { by, room }),
        2 => (by.clone(), room.clone()).prop_map(|(by, room)| Stick { by, room }),
        3 => (by.clone(), room.clone(), 0u8..5, 0u8..3).prop_map(|(by, room, what, value)| Set { by, room, what, value }),
        1 => (by.clone(), room.clone(), 0u8..3).prop_map(|(by, room, value)| Rename { by, room, value }),
        3 => (by.clone(), room.clone()).prop_map(|(by, room)| Join { by, room }),
        2 => (by.clone(), room.clone()).prop_map(|(by, room)| Leave { by, room }),
        3 => (by.clone(), 0u8..3, room.clone(), 0u8..3)
            .prop_map(|(by, of, room, what)| SetMembership { by, of, room, what }),
        1 => room.clone().prop_map(|room| Forget { room }),
        2 => (by.clone(), room.clone(), any::<bool>()).prop_map(|(by, room, private)| Read { by, room, private }),
        1 => (by, room.clone()).prop_map(|(by, room)| Redact { by, room }),
        1 => (room.clone(), any::<bool>()).prop_map(|(room, on)| Direct { room, on }),
        1 => (room.clone(), any::<bool>()).prop_map(|(room, on)| Tag { room, on }),
        1 => Just(ToDevice),
        3 => Just(Sync),
        8 => (0u8..4, 0u8..8, 0u8..6).prop_map(|(first, rooms, events)| Slide { first, rooms, events }),
        2 => (0u8..4, 0u8..8, 0u8..6).prop_map(|(first, rooms, events)| Lose { first, rooms, events }),
        1 => prop::option::of(room).prop_map(|room| Subscribe { room }),
        1 => Just(Restart),
    ]
}

/// A server, its users and rooms, and the three clients of the first user.
struct Play {
    store: Store,
    world: World,
    users: Vec<Client>,
    rooms: Vec<OwnedRoomId>,
    plain: Client,
    plain_known: PlainKnown,
    slider: Slider,
    known: Known,
    subscribed: Option<OwnedRoomId>,
    sent: u64,
    /// How often the server began anew.
    runs: u64,
}

const STATE: [&str; 5] =
    ["m.room.name", "m.room.topic", "m.room.avatar", "org.example", "m.room.canonical_alias"];

fn options() -> SyncOptions {
    SyncOptions { presence: false, ..SyncOptions::default() }
}

impl Play {
    async fn new() -> Self {
        let store = Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap();
        let world = World::on(store.clone(), options());
        let mut users = Vec::new();
        for name in ["alice", "bob", "carol"] {
            users.push(world.user(name).await);
        }
        let mut plain = world.client(&users[0].user, "PLAIN").await;
        plain.state_after = Some(StateAfter::Stable);
        plain.filter = json!({"room": {"timeline": {"limit": 100}}});
        let slider = world.client(&users[0].user, "SLIDING").await.slider(json!({}));
        let mut rooms = Vec::new();
        for creator in &users {
            let others: Vec<&Client> = users.iter().filter(|user| user.user != creator.user).collect();
            rooms.push(creator.create_with(&others).await.id().to_owned());
        }
        Self {
            store,
            world,
            users,
            rooms,
            plain,
            plain_known: PlainKnown::default(),
            slider,
            known: Known::default(),
            subscribed: None,
            sent: 0,
            runs: 1,
        }
    }

    fn room(&self, room: u8) -> Option<Room> {
        let rooms = self.rooms.len();
        (rooms > 0).then(|| self.world.rooms.room(&self.rooms[usize::from(room) % rooms]).unwrap())
    }

    /// Sends an event; what is not allowed does not happen.
    async fn send(&self, room: &Room, event: NewEvent) {
        _ = room.send(event, None).await;
    }

    /// An event that the last one of a room's timeline names, or its first.
    fn newest(&self, room: &Room) -> Arc<Event> {
        let range = hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() };
        room.timeline(range).unwrap().remove(0)
    }

    async fn happen(&mut self, step: &Step) {
        self.world.clock.advance(1);
        let data = self.world.users.account_data.clone();
        let alice = self.users[0].user.clone();
        match *step {
            Step::Create { by } => {
                if self.rooms.len() < 6 {
                    let room = self.users[usize::from(by)].create(Preset::PublicChat).await;
                    self.rooms.push(room.id().to_owned());
                }
            }
            Step::Say { by, room } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                let content = to_raw_value(&json!({"msgtype": "m.text", "body": "x"})).unwrap();
                self.send(&room, NewEvent::message(&by.user, "m.room.message", content)).await;
            }
            Step::Reply { by, room } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                let root = self.newest(&room);
                let relation = json!({"rel_type": "m.thread", "event_id": root.id()});
                let content = json!({"msgtype": "m.text", "body": "x", "m.relates_to": relation});
                let content = to_raw_value(&content).unwrap();
                self.send(&room, NewEvent::message(&by.user, "m.room.message", content)).await;
            }
            Step::Stick { by, room } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                let event =
                    NewEvent::message(&by.user, "m.rtc.member", to_raw_value(&json!({"in": "it"})).unwrap());
                self.send(&room, NewEvent { sticky: Some(MAX_STICKY_MS), ..event }).await;
            }
            Step::Set { by, room, what, value } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                let field = ["name", "topic", "url", "x", "y"][usize::from(what)];
                let content = if value == 0 { json!({}) } else { json!({field: format!("v{value}")}) };
                let event = NewEvent::state_json(&by.user, STATE[usize::from(what)], "", &content).unwrap();
                self.send(&room, event).await;
            }
            Step::Rename { by, room, value } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                if room.is_joined(&by.user).unwrap() {
                    let content = json!({"membership": "join", "displayname": value.to_string()});
                    let key = by.user.as_str();
                    self.send(&room, NewEvent::state_json(&by.user, "m.room.member", key, &content).unwrap())
                        .await;
                }
            }
            Step::Join { by, room } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                _ = self.world.rooms.join(&room, &by.user, Map::new()).await;
            }
            Step::Leave { by, room } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                _ = room.set_membership(&by.user, &by.user, "leave", Map::new()).await;
            }
            Step::SetMembership { by, of, room, what } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                let (of, what) =
                    (&self.users[usize::from(of)].user, ["invite", "leave", "ban"][usize::from(what)]);
                _ = room.set_membership(&by.user, of, what, Map::new()).await;
            }
            Step::Forget { room } => {
                let Some(room) = self.room(room) else { return };
                _ = room.forget(&alice).await;
            }
            Step::Read { by, room, private } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                if room.is_joined(&by.user).unwrap() {
                    let receipt_type = if private { "m.read.private" } else { "m.read" };
                    by.read_in(&self.world, &room, receipt_type, &self.newest(&room)).await;
                }
            }
            Step::Redact { by, room } => {
                let (by, Some(room)) = (&self.users[usize::from(by)], self.room(room)) else { return };
                let newest = self.newest(&room);
                if newest.pdu.type_str() == "m.room.message" {
                    let redacts: &EventId = newest.id();
                    let content = to_raw_value(&json!({"redacts": redacts})).unwrap();
                    self.send(&room, NewEvent::message(&by.user, "m.room.redaction", content)).await;
                }
            }
            Step::Direct { room, on } => {
                let Some(room) = self.room(room) else { return };
                let rooms = if on { vec![room.id().to_owned()] } else { vec![] };
                let content = to_raw_value(&json!({"@bob:h.org": rooms})).unwrap();
                data.set(&alice, None, "m.direct", &content).await.unwrap();
            }
            Step::Tag { room, on } => {
                let Some(room) = self.room(room) else { return };
                let tags = if on { json!({"m.favourite": {}}) } else { json!({}) };
                let content = to_raw_value(&json!({"tags": tags})).unwrap();
                data.set(&alice, Some(room.id()), "m.tag", &content).await.unwrap();
            }
            Step::ToDevice => self.send_to_devices().await,
            Step::Sync => self.sync().await,
            Step::Slide { first, rooms, events } => {
                self.slide((first.into(), rooms.into()), events.into(), true).await;
            }
            Step::Lose { first, rooms, events } => {
                self.slide((first.into(), rooms.into()), events.into(), false).await;
            }
            Step::Subscribe { room } => {
                self.subscribed = room.and_then(|room| self.room(room)).map(|room| room.id().to_owned());
            }
            Step::Restart => self.restart(),
        }
    }

    fn restart(&mut self) {
        self.world = World::on(self.store.clone(), options());
        // Each run is at another time than those before.
        self.world.clock.advance(self.runs * 1_000_000);
        self.runs += 1;
        self.users = self.users.iter().map(|user| self.world.existing(user)).collect();
        self.plain = self.world.existing(&self.plain);
        self.slider.world = self.world.clone();
    }

    async fn send_to_devices(&mut self) {
        self.sent += 1;
        let messages = json!({"@alice:h.org": {"PLAIN": {"n": self.sent}, "SLIDING": {"n": self.sent}}});
        let messages = serde_json::from_value(messages).unwrap();
        self.world.users.to_device.send(&self.users[1].user, "org.test", &messages, None).await.unwrap();
    }

    async fn sync(&mut self) {
        let response = self.plain.sync().await;
        self.plain_known.apply(&response);
    }

    /// What is asked for: a window from a place on of so many rooms, each with so many events, and a subscription.
    fn body(&self, (first, rooms): (usize, usize), events: usize) -> Value {
        let required = json!([["*", "*"], ["m.room.member", "$ME"], ["m.room.member", "$LAZY"]]);
        let room = |events: usize| json!({"timeline_limit": events, "required_state": required});
        let mut list = room(events);
        list["ranges"] = if rooms == 0 { json!([]) } else { json!([[first, first + rooms - 1]]) };
        let mut subscriptions = json!({});
        if let Some(subscribed) = &self.subscribed {
            subscriptions[subscribed.as_str()] = room(events + 2);
        }
        json!({
            "lists": {"all": list}, "room_subscriptions": subscriptions,
            "extensions": {
                "to_device": {"enabled": true, "since": self.known.to_device_since},
                "account_data": {"enabled": true}, "receipts": {"enabled": true},
                STICKY: {"enabled": true, "limit": 3, "since": self.known.sticky_since},
            },
        })
    }

    async fn slide(&mut self, window: (usize, usize), events: usize, arrives: bool) {
        self.slider.body = self.body(window, events);
        let response = self.slider.peek().await;
        if arrives {
            self.slider.pos = Some(response["pos"].as_str().unwrap().to_owned());
            self.known.apply(&response);
        }
    }

    /// What a client knows that begins anew, of the first so many rooms.
    async fn anew(&self, name: &str, rooms: usize) -> Known {
        let mut slider = self.world.existing(&self.plain).slider(self.body((0, rooms), 5));
        slider.body["extensions"][STICKY] = json!({"enabled": true});
        slider.device = self.slider.device.clone();
        slider.body["conn_id"] = json!(name);
        let mut known = Known::default();
        known.apply(&slider.sync().await);
        known
    }

    /// The ids of the user's rooms, the latest first.
    fn rooms_by_activity(&self) -> Vec<String> {
        let alice = &self.users[0].user;
        let mut rooms = Vec::new();
        for (nid, row) in self.world.rooms.rooms_of(alice).unwrap() {
            use hearth_storage::schema::rooms::Membership;
            let room = self.world.rooms.room_by_nid(nid).unwrap();
            let event = self.world.rooms.event(row.event).unwrap().unwrap();
            let last = match row.membership {
                Membership::Join => room.head().position,
                Membership::Invite | Membership::Knock => row.position,
                Membership::Leave | Membership::Ban => {
                    let before = room.membership_at(event.state.unwrap().before, alice).unwrap();
                    if event.pdu.sender() == alice || before != Some(Membership::Join) || row.forgotten {
                        continue;
                    }
                    row.position
                }
            };
            rooms.push((last, room.id().to_string()));
        }
        rooms.sort_unstable();
        rooms.into_iter().rev().map(|(_, id)| id).collect()
    }

    /// All clients come to the end, and know the same.
    async fn end(&mut self) {
        self.subscribed = None;
        self.sync().await;
        self.slide((0, 20), 5, true).await;
        // As far as what is sticky reaches, three at a time.
        for _ in 0..40 {
            self.slide((0, 20), 5, true).await;
        }
        let fresh = self.anew("fresh", 20).await;
        let problems = self.known.differences(&fresh, &self.plain_known);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        let all: Vec<u64> = (1..=self.sent).collect();
        assert_eq!((&self.known.told, &self.plain_known.told), (&all, &all), "messages to devices");
        // The order is that of the windows.
        let order = self.rooms_by_activity();
        assert_eq!(self.known.count, order.len() as u64);
        for rooms in 1..=order.len() {
            let mut first: Vec<String> = order[..rooms].to_vec();
            first.sort_unstable();
            let fresh = self.anew(&format!("first {rooms}"), rooms).await;
            assert_eq!(fresh.rooms(), first);
        }
    }
}

impl Client {
    async fn read_in(&self, world: &World, room: &Room, receipt_type: &str, event: &Event) {
        let room = world.rooms.room(room.id()).unwrap();
        room.set_receipt(&self.user, receipt_type, None, event).await.unwrap();
    }
}

/// The same few histories each time; others, and as many as it says, with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::with_cases(64) },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn three_clients_know_the_same(steps in vec(step(), 1..70)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut play = Play::new().await;
            for step in &steps {
                play.happen(step).await;
            }
            play.end().await;
        });
    }
}
