use std::sync::Arc;

use hearth_rooms::{CreateRoom, NewEvent, Preset, Room, Rooms, RoomsOptions};
use hearth_spec::{EventTemplate, RoomVersion, SigningKey};
use hearth_storage::{
    ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, schema::users::AccountKind,
};
use hearth_users::{NewAccount, PasswordCost, Users, UsersOptions};
use ruma::{OwnedUserId, UserId, owned_server_name};
use serde_json::{json, value::to_raw_value};

use super::People;
use crate::SearchError;

struct World {
    rooms: Rooms,
    users: Users,
    people: People,
}

impl World {
    fn new(options: StoreOptions) -> Self {
        Self::on(MemoryEngine::new(), options)
    }

    fn on(engine: MemoryEngine, options: StoreOptions) -> Self {
        let store = Store::open(engine, options).unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(7));
        let options = RoomsOptions {
            server_name: owned_server_name!("h.org"),
            key: SigningKey::generate([1; 32], "a").unwrap(),
            cache_bytes: 16 << 20,
            default_version: RoomVersion::V11,
            retention: Default::default(),
        };
        let rooms = Rooms::open(store.clone(), options, clock.clone(), random.clone()).unwrap();
        let options = UsersOptions { password_cost: PasswordCost::QUICK, ..UsersOptions::default() };
        let users = Users::new(store, clock, random, options).unwrap();
        let people = People::start(rooms.clone(), users.clone());
        Self { rooms, users, people }
    }

    async fn user(&self, localpart: &str, name: &str) -> OwnedUserId {
        let user = UserId::parse(format!("@{localpart}:h.org")).unwrap();
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        self.users.accounts.create(&user, account).await.unwrap();
        self.call(&user, name).await;
        user
    }

    async fn call(&self, user: &UserId, name: &str) {
        let name = to_raw_value(&json!(name)).unwrap();
        self.users.profiles.set(user, "displayname", &name).await.unwrap();
    }

    /// The localparts of those who are found, and whether there are more.
    async fn find(&self, search_term: &str, limit: usize) -> (Vec<String>, bool) {
        self.people.caught_up().await;
        let found = self.people.find(search_term, limit, |_| Ok::<_, SearchError>(true)).unwrap();
        let localparts = found.people.iter().map(|(user, _)| user.localpart().to_owned());
        (localparts.collect(), found.limited)
    }

    async fn found(&self, search_term: &str) -> Vec<String> {
        self.find(search_term, 100).await.0
    }
}

/// A user of another server becomes what they become in a room.
async fn comes(room: &Room, user: &UserId, membership: &str, name: &str) {
    let state = |event_type: &str, key: &str| room.state_event(event_type, key).unwrap();
    let auth = [
        state("m.room.create", ""),
        state("m.room.power_levels", ""),
        // Only who joins needs them.
        state("m.room.join_rules", "").filter(|_| membership == "join"),
        state("m.room.member", user.as_str()),
    ];
    let prev = room.timeline(hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() });
    let prev = prev.unwrap().remove(0);
    let template = EventTemplate {
        event_type: "m.room.member".to_owned(),
        state_key: Some(user.to_string()),
        content: to_raw_value(&json!({ "membership": membership, "displayname": name })).unwrap(),
        sender: user.to_owned(),
        room_id: Some(room.id().to_owned()),
        origin_server_ts: 1_700_000_000_000,
        depth: prev.pdu.depth() + 1,
        prev_events: vec![prev.id().to_owned()],
        auth_events: auth.iter().flatten().map(|event| event.id().to_owned()).collect(),
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let key = SigningKey::generate([2; 32], "b").unwrap();
    room.receive(template.seal(room.version(), user.server_name(), &key).unwrap()).await.unwrap();
}

#[tokio::test]
async fn people_are_found_by_the_words_of_their_names_and_ids() {
    let world = World::new(StoreOptions::default());
    for (localpart, name) in [
        ("zoe", "Zoë Müller"),
        ("mueller", "Ms Muller-Lüdenscheidt"),
        ("bob_builder", "Bob"),
        ("robert", "Bob the Builder"),
        ("tanaka", "田中さくら"),
        ("nameless", ""),
    ] {
        world.user(localpart, name).await;
    }
    // Called just so; then by whole words, and what begins so.
    assert_eq!(world.found("bob").await, ["bob_builder", "robert"]);
    assert_eq!(world.found("BOB builder").await, ["bob_builder", "robert"]);
    assert_eq!(world.found("zoe").await, ["zoe"]);
    assert_eq!(world.found("muller").await, ["mueller", "zoe"]);
    assert_eq!(world.found("mul").await, ["mueller", "zoe"]);
    assert_eq!(world.found("müller zoë").await, ["zoe"]);
    assert_eq!(world.found("田中").await, ["tanaka"]);
    assert_eq!(world.found("@nameless:h.org").await, ["nameless"]);
    assert_eq!(world.found("@NAME").await, ["nameless"]);
    assert_eq!(world.found("nobody").await, [""; 0]);
    assert_eq!(world.found(" …").await, [""; 0]);
    let (found, limited) = world.find("h.org", 4).await;
    assert_eq!((found.len(), limited), (4, true));
    let (found, limited) = world.find("h.org", 6).await;
    assert_eq!((found.len(), limited), (6, false));
}

#[tokio::test]
async fn the_directory_follows_names_and_who_comes_and_goes() {
    let world = World::new(StoreOptions::default());
    let bob = world.user("bob", "Bob").await;
    world.call(&bob, "Robert").await;
    assert_eq!(world.found("bob").await, ["bob"], "by the id");
    assert_eq!(world.found("robert").await, ["bob"]);
    world.call(&bob, "Bobby").await;
    assert_eq!(world.found("robert").await, [""; 0]);

    let one = world.rooms.create_room(CreateRoom::new(bob.clone(), Preset::PublicChat)).await.unwrap();
    let two = world.rooms.create_room(CreateRoom::new(bob.clone(), Preset::PublicChat)).await.unwrap();
    let (one, two) = (world.rooms.room(&one).unwrap(), world.rooms.room(&two).unwrap());
    let eve = UserId::parse("@eve:far.example").unwrap();
    comes(&one, &eve, "join", "Eva").await;
    assert_eq!(world.found("eva").await, ["eve"]);
    comes(&two, &eve, "join", "Evelyn").await;
    assert_eq!(world.found("evelyn far").await, ["eve"]);
    comes(&two, &eve, "leave", "").await;
    assert_eq!(world.found("eva").await, ["eve"], "as they are called where they still are");
    comes(&one, &eve, "leave", "").await;
    assert_eq!(world.found("eve").await, [""; 0]);
    world.users.accounts.deactivate(&bob, false).await.unwrap();
    assert_eq!(world.found("bob").await, [""; 0]);
}

#[tokio::test]
async fn the_directory_is_made_of_all_who_are_there() {
    let engine = MemoryEngine::new();
    {
        let world = World::on(engine.clone(), StoreOptions::default());
        let bob = world.user("bob", "Bob").await;
        let room = world.rooms.create_room(CreateRoom::new(bob.clone(), Preset::PublicChat)).await.unwrap();
        let room = world.rooms.room(&room).unwrap();
        comes(&room, &UserId::parse("@eve:far.example").unwrap(), "join", "Eva").await;
        let text = to_raw_value(&json!({ "body": "hello" })).unwrap();
        room.send(NewEvent::message(&bob, "m.room.message", text), None).await.unwrap();
        // As a folder of an earlier version is.
        world.people.caught_up().await;
        let commit = {
            let mut transaction = world.rooms.store().begin().unwrap();
            for user in ["@bob:h.org", "@eve:far.example"] {
                super::person::write(&mut transaction, &UserId::parse(user).unwrap(), None).unwrap();
            }
            transaction.delete(&hearth_storage::schema::META, ("user_directory",));
            transaction.submit()
        };
        commit.await.unwrap();
        assert_eq!(world.found("bob").await, [""; 0]);
    }
    let world = World::on(engine.synced(), StoreOptions::default());
    while world.found("bob").await.is_empty() || world.found("eva").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn who_is_behind_the_log_looks_at_all_users() {
    let options = StoreOptions {
        log_bytes: 1 << 10,
        log_keeps: 1,
        trim_step: 10,
        recent_changes: 8,
        ..StoreOptions::default()
    };
    let world = World::new(options);
    for n in 0..50 {
        world.user(&format!("user{n}"), &format!("Name {n}")).await;
    }
    for n in 0..50 {
        while world.found(&format!("name {n}")).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}
