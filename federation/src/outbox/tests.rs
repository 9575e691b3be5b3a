//! The outbox over real rooms and users; other servers are a list of what they got.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use hearth_rooms::{CreateRoom, Event, NewEvent, Preset, Received, Room};
use hearth_spec::RoomVersion;
use hearth_storage::{Change, Scan, StoreOptions, schema, schema::users::AccountKind};
use hearth_users::NewAccount;
use http::StatusCode;
use parking_lot::Mutex;
use ruma::{
    OwnedServerName, OwnedUserId, ServerName, encryption::DeviceKeys as IdentityKeys, owned_server_name,
    owned_user_id, presence::PresenceState, serde::Raw, to_device::DeviceIdOrAllDevices,
};
use serde_json::{Map, Value, json, value::to_raw_value};

use super::{Outbox, driver::Parts, post::Post, transaction::Transaction};
use crate::{
    Federation, FederationError, FederationOptions,
    testing::{self, far, join_event},
};

/// What other servers got, in order.
#[derive(Default)]
struct Others {
    down: Mutex<BTreeSet<OwnedServerName>>,
    got: Mutex<Vec<(OwnedServerName, Transaction)>>,
    /// With what the next transactions are answered, before they are with a 200.
    answers: Mutex<VecDeque<StatusCode>>,
    not_acknowledged: Mutex<Vec<Transaction>>,
}

impl Post for Others {
    fn may_try(&self, server: &ServerName) -> bool {
        !self.down.lock().contains(server)
    }

    fn ready<'a>(&'a self, server: &'a ServerName) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            while !self.may_try(server) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    }

    fn reach<'a>(&'a self, server: &'a ServerName) -> BoxFuture<'a, Result<(), FederationError>> {
        let reached = match self.may_try(server) {
            true => Ok(()),
            false => Err(FederationError::Unreachable("down".to_owned())),
        };
        Box::pin(std::future::ready(reached))
    }

    fn send<'a>(
        &'a self,
        server: &'a ServerName,
        transaction: &'a Transaction,
    ) -> BoxFuture<'a, Result<(), FederationError>> {
        Box::pin(async move {
            // Time for more to come, as on a network.
            tokio::time::sleep(Duration::from_millis(2)).await;
            if !self.may_try(server) {
                return Err(FederationError::Unreachable("down".to_owned()));
            }
            assert!(transaction.pdus.len() <= 50 && transaction.edus.len() <= 100);
            if let Some(status) = self.answers.lock().pop_front() {
                self.not_acknowledged.lock().push(transaction.clone());
                return Err(FederationError::Refused {
                    status,
                    errcode: "M_UNKNOWN".to_owned(),
                    error: "not now".to_owned(),
                    fields: Map::new(),
                });
            }
            self.got.lock().push((server.to_owned(), transaction.clone()));
            Ok(())
        })
    }
}

impl Others {
    fn values(
        &self,
        server: &str,
        of: impl Fn(&Transaction) -> &Vec<Box<serde_json::value::RawValue>>,
    ) -> Vec<Value> {
        let got = self.got.lock();
        let transactions = got.iter().filter(|(to, _)| to == server);
        transactions
            .flat_map(|(_, transaction)| of(transaction))
            .map(|raw| serde_json::from_str(raw.get()).unwrap())
            .collect()
    }

    fn bodies(&self, server: &str) -> Vec<String> {
        let pdus = self.values(server, |transaction| &transaction.pdus);
        pdus.iter().filter_map(|pdu| pdu["content"]["body"].as_str().map(str::to_owned)).collect()
    }

    fn edus(&self, server: &str, edu_type: &str) -> Vec<Value> {
        let edus = self.values(server, |transaction| &transaction.edus);
        edus.into_iter().filter(|edu| edu["edu_type"] == edu_type).map(|edu| edu["content"].clone()).collect()
    }

    fn set_down(&self, server: &str, down: bool) {
        let server: OwnedServerName = server.try_into().unwrap();
        let mut all = self.down.lock();
        if down {
            all.insert(server)
        } else {
            all.remove(&server)
        };
    }
}

struct World {
    federation: Federation,
    others: Arc<Others>,
    outbox: Outbox,
    alice: OwnedUserId,
    _folder: tempfile::TempDir,
}

fn open(federation: &Federation, others: &Arc<Others>) -> Outbox {
    Outbox::run(Parts {
        rooms: federation.rooms().clone(),
        users: federation.users().clone(),
        post: others.clone(),
        exceptions: federation.exceptions().clone(),
        clock: federation.clock().clone(),
        sync: federation.sync().clone(),
        id_prefix: "t".to_owned(),
        sent: Arc::default(),
    })
}

async fn world() -> World {
    world_on(StoreOptions::default()).await
}

async fn world_on(store: StoreOptions) -> World {
    let options = FederationOptions::new(owned_server_name!("own.example"));
    let (federation, folder) = testing::federation_on(store, options);
    let others = Arc::new(Others::default());
    let outbox = open(&federation, &others);
    let alice = owned_user_id!("@alice:own.example");
    let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
    federation.users().accounts.create(&alice, account).await.unwrap();
    federation.users().sessions.create(&alice, Some(ruma::device_id!("D")), None, false).await.unwrap();
    World { federation, others, outbox, alice, _folder: folder }
}

impl World {
    /// A room of Alice's in which users of these servers are.
    async fn room(&self, servers: &[&str]) -> Room {
        let request = CreateRoom {
            version: Some(RoomVersion::V11),
            ..CreateRoom::new(self.alice.clone(), Preset::PublicChat)
        };
        let id = self.federation.rooms().create_room(request).await.unwrap();
        let room = self.federation.rooms().room(&id).unwrap();
        for server in servers {
            join(&room, server).await;
        }
        room
    }

    async fn say(&self, room: &Room, body: &str) -> Arc<Event> {
        let content = to_raw_value(&json!({ "msgtype": "m.text", "body": body })).unwrap();
        room.send(NewEvent::message(&self.alice, "m.room.message", content), None).await.unwrap()
    }

    /// Waits until what the others got is as it should be.
    async fn until(&self, what: &str, done: impl Fn(&Others) -> bool) {
        for _ in 0..1000 {
            if done(&self.others) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let got = self.others.got.lock();
        panic!("{what}: not within five seconds, but {got:#?}");
    }

    /// In how many rooms servers are behind. (Alice's new device is told as well, and may be late.)
    fn rooms_behind(&self) -> usize {
        self.federation.store().view().scan(&schema::DESTINATION_ROOMS, Scan::all()).count()
    }

    fn rows(&self) -> usize {
        let view = self.federation.store().view();
        self.rooms_behind()
            + view.scan(&schema::DESTINATION_DEVICE_LISTS, Scan::all()).count()
            + view.scan(&schema::DESTINATION_EDUS, Scan::all()).count()
    }
}

async fn join(room: &Room, server: &str) {
    assert!(matches!(room.receive(join_event(room, server)).await.unwrap(), Received::Accepted(_)));
}

#[tokio::test]
async fn what_is_said_here_reaches_the_servers_in_the_room_once() {
    let world = world().await;
    let room = world.room(&["a.example", "b.example"]).await;
    for number in 0..120 {
        world.say(&room, &number.to_string()).await;
    }
    let all: Vec<_> = (0..120).map(|number| number.to_string()).collect();
    for server in ["a.example", "b.example"] {
        world.until("all messages", |others| others.bodies(server).len() >= 120).await;
        assert_eq!(world.others.bodies(server), all);
    }
    assert_eq!(world.rows(), 0);
    // What others said is theirs to send.
    let pdus = world.others.values("b.example", |transaction| &transaction.pdus);
    assert!(pdus.iter().all(|pdu| pdu["sender"] == "@alice:own.example"));
}

#[tokio::test]
async fn a_server_that_was_down_is_caught_up() {
    let world = world().await;
    let room = world.room(&["a.example", "b.example"]).await;
    world.others.set_down("a.example", true);
    for number in 0..20 {
        world.say(&room, &number.to_string()).await;
    }
    world.until("all of b", |others| others.bodies("b.example").len() == 20).await;
    while world.rooms_behind() != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.others.set_down("a.example", false);
    world.until("the last", |others| others.bodies("a.example").contains(&"19".to_owned())).await;
    world.say(&room, "and on").await;
    world.until("the next", |others| others.bodies("a.example").contains(&"and on".to_owned())).await;
    let mut all: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    all.push("and on".to_owned());
    assert_eq!(world.others.bodies("a.example"), all);
    while world.rows() != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_goes_out_again_as_it_was() {
    let world = world().await;
    let room = world.room(&["a.example"]).await;
    world.say(&room, "before").await;
    world.until("before", |others| others.bodies("a.example") == ["before"]).await;
    world.others.answers.lock().extend([StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY]);
    world.say(&room, "one").await;
    world.until("the first try", |others| !others.not_acknowledged.lock().is_empty()).await;
    world.say(&room, "two").await;
    world.until("both", |others| others.bodies("a.example").contains(&"two".to_owned())).await;
    assert_eq!(world.others.bodies("a.example"), ["before", "one", "two"]);
    let got = world.others.got.lock();
    let (_, again) = got
        .iter()
        .find(|(_, transaction)| transaction.pdus.iter().any(|pdu| pdu.get().contains("\"body\":\"one\"")))
        .unwrap();
    let text = |transaction: &Transaction| {
        let texts = transaction.pdus.iter().chain(&transaction.edus).map(|text| text.get().to_owned());
        (transaction.id.clone(), transaction.made_at, texts.collect::<Vec<_>>())
    };
    let tries = world.others.not_acknowledged.lock();
    assert_eq!(tries.len(), 2);
    assert!(tries.iter().all(|first| text(first) == text(again)));
}

#[tokio::test]
async fn history_that_came_meanwhile_is_not_what_a_server_missed() {
    let world = world().await;
    let room = world.room(&["one.example"]).await;
    world.say(&room, "heard").await;
    world.until("one to hear it", |others| others.bodies("one.example") == ["heard"]).await;
    world.others.set_down("one.example", true);
    world.say(&room, "missed").await;
    // Alice's too, but from before the server forgot it: it comes back from another, after what follows it.
    let content = to_raw_value(&json!({ "body": "old" })).unwrap();
    let mut proposal = room.propose(NewEvent::message(&world.alice, "m.room.message", content)).unwrap();
    let old = world.federation.rooms().seal(room.version(), &proposal).unwrap();
    proposal["prev_events"] = json!([old.event_id()]);
    proposal["content"] = json!({ "body": "after" });
    let after = world.federation.rooms().seal(room.version(), &proposal).unwrap();
    let state = room.full_state(room.head().state).unwrap();
    let state: Vec<_> = state.iter().map(|event| event.id().to_owned()).collect();
    room.receive_with_state(after, &state).await.unwrap();
    assert_eq!(room.take_in_history(vec![old], &[]).await.unwrap().len(), 1);
    world.others.set_down("one.example", false);
    world.until("one to catch up", |others| others.bodies("one.example").len() >= 3).await;
    world.say(&room, "now").await;
    world.until("the newest", |others| others.bodies("one.example").last().unwrap() == "now").await;
    assert_eq!(world.others.bodies("one.example"), ["heard", "missed", "after", "now"]);
}

#[tokio::test]
async fn what_happens_elsewhere_makes_no_absence_long() {
    let world = world().await;
    let (room, other) = (world.room(&["a.example", "b.example"]).await, world.room(&[]).await);
    world.others.set_down("a.example", true);
    world.say(&room, "one").await;
    world.until("a is behind", |_| world.rooms_behind() == 1).await;
    // More than was once taken for a long absence happens in another room.
    let commit = {
        let mut transaction = world.federation.store().begin().unwrap();
        for _ in 0..20_001 {
            transaction.append(&Change::DeviceList { user: far("c.example") });
        }
        transaction.submit()
    };
    commit.await.unwrap();
    world.say(&other, "elsewhere").await;
    for number in 2..20 {
        world.say(&room, &number.to_string()).await;
    }
    world.others.set_down("a.example", false);
    world.until("the last", |others| others.bodies("a.example").contains(&"19".to_owned())).await;
    assert_eq!(world.others.bodies("a.example").len(), 19);
}

#[tokio::test]
async fn who_missed_very_much_of_a_room_is_told_where_it_stands() {
    let world = world().await;
    let room = world.room(&["a.example", "b.example"]).await;
    world.others.set_down("a.example", true);
    for number in 0..1100 {
        world.say(&room, &number.to_string()).await;
    }
    world.until("a is behind", |_| world.rooms_behind() == 1).await;
    world.others.set_down("a.example", false);
    world.until("the last", |others| others.bodies("a.example").contains(&"1099".to_owned())).await;
    // At most with what was on its way when it went down.
    let bodies = world.others.bodies("a.example");
    assert!(bodies.len() < 10 && bodies.last().is_some_and(|last| last == "1099"), "{bodies:?}");
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_was() {
    let world = world().await;
    let room = world.room(&["a.example", "b.example"]).await;
    world.others.set_down("a.example", true);
    world.say(&room, "one").await;
    world.until("b", |others| others.bodies("b.example").len() == 1).await;
    while world.rooms_behind() != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.outbox.stop().await;
    world.say(&room, "two").await;
    world.others.set_down("a.example", false);
    let _outbox = open(&world.federation, &world.others);
    for server in ["a.example", "b.example"] {
        world.until("two", |others| others.bodies(server).contains(&"two".to_owned())).await;
    }
    assert_eq!(world.others.bodies("b.example"), ["one", "two"]);
}

#[tokio::test]
async fn what_the_log_does_not_have_any_more_is_sent_all_the_same() {
    let options = StoreOptions {
        recent_changes: 4,
        log_bytes: 1000,
        log_keeps: 1,
        trim_step: 10,
        ..StoreOptions::default()
    };
    let world = world_on(options).await;
    let room = world.room(&["a.example", "b.example", "c.example"]).await;
    let quiet = world.room(&["a.example"]).await;
    world.say(&room, "heard").await;
    world.say(&quiet, "heard too").await;
    for server in ["b.example", "c.example"] {
        world.until("heard", |others| others.bodies(server) == ["heard"]).await;
    }
    world.until("heard too", |others| others.bodies("a.example").contains(&"heard too".to_owned())).await;
    world.until("nothing waits", |_| world.rows() == 0).await;
    world.others.set_down("b.example", true);
    world.say(&room, "missed").await;
    world.until("b is behind", |_| world.rooms_behind() == 1).await;
    world.outbox.stop().await;

    let keys = testing::device_keys(&world.alice, "D");
    let (keys, none) = (Raw::from_json(to_raw_value(&keys).unwrap()), BTreeMap::new());
    let device = ruma::device_id!("D");
    world
        .federation
        .users()
        .device_keys
        .upload(&world.alice, device, Some(&keys), &none, &none)
        .await
        .unwrap();
    room.set_membership(&world.alice, &far("c.example"), "leave", Map::new()).await.unwrap();
    for number in 0..200 {
        world.say(&room, &number.to_string()).await;
    }
    let told = world.others.edus("a.example", "m.device_list_update").len();
    world.others.set_down("b.example", false);
    let _outbox = open(&world.federation, &world.others);
    let numbers: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    for server in ["a.example", "b.example"] {
        world.until("all of it", |others| others.bodies(server).ends_with(&numbers)).await;
    }
    assert_eq!(world.others.bodies("b.example")[..2], ["heard", "missed"]);
    assert_eq!(world.others.bodies("a.example").len(), 203, "nothing is sent twice");
    world
        .until("the device list", |others| others.edus("a.example", "m.device_list_update").len() > told)
        .await;
    world
        .until("the kick", |others| {
            let pdus = others.values("c.example", |transaction| &transaction.pdus);
            pdus.iter().any(|pdu| pdu["content"]["membership"] == "leave")
        })
        .await;
    assert_eq!(world.others.bodies("c.example"), ["heard", "missed"]);
    world.until("nothing waits", |_| world.rows() == 0).await;
}

#[tokio::test]
async fn a_message_to_a_device_keeps_its_id() {
    let world = world().await;
    world.others.set_down("a.example", true);
    let content = Raw::from_json(to_raw_value(&json!({ "n": 1 })).unwrap());
    let by_device = BTreeMap::from([(DeviceIdOrAllDevices::AllDevices, content)]);
    let messages = BTreeMap::from([(far("a.example"), by_device)]);
    world.federation.users().to_device.send(&world.alice, "m.test", &messages, None).await.unwrap();
    let stored = {
        let view = world.federation.store().view();
        let row = view.scan(&schema::DESTINATION_EDUS, Scan::all()).next().unwrap().unwrap();
        serde_json::from_str::<Value>(&row.1).unwrap()
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.others.set_down("a.example", false);
    world.until("the message", |others| !others.edus("a.example", "m.direct_to_device").is_empty()).await;
    assert_eq!(world.others.edus("a.example", "m.direct_to_device"), [stored["content"].clone()]);
    while world.rows() != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn typing_presence_and_receipts_are_told_to_those_in_the_room() {
    let world = world().await;
    let room = world.room(&["a.example"]).await;
    let event = world.say(&room, "one").await;
    let sync = world.federation.sync();
    sync.set_typing(&room, &world.alice, Some(Duration::from_secs(20)));
    sync.set_presence(&world.alice, "D".into(), PresenceState::Online, Some("here".to_owned()));
    room.set_receipt(&world.alice, "m.read", None, &event).await.unwrap();
    room.set_receipt(&world.alice, "m.read.private", None, &event).await.unwrap();
    // What another server says of its user is not ours to tell.
    sync.set_remote_typing(&room, &far("a.example"), true);
    world.until("a receipt", |others| !others.edus("a.example", "m.receipt").is_empty()).await;
    world.until("presence", |others| !others.edus("a.example", "m.presence").is_empty()).await;
    let typing = world.others.edus("a.example", "m.typing");
    assert_eq!(typing, [json!({ "room_id": room.id(), "user_id": world.alice, "typing": true })]);
    let presence = &world.others.edus("a.example", "m.presence")[0]["push"][0];
    assert_eq!((&presence["user_id"], &presence["status_msg"]), (&json!(world.alice), &json!("here")));
    let receipts = world.others.edus("a.example", "m.receipt");
    assert_eq!(receipts.len(), 1);
    let read = &receipts[0][room.id().as_str()]["m.read"][world.alice.as_str()];
    assert_eq!(read["event_ids"], json!([event.id()]));
}

#[tokio::test]
async fn device_lists_are_told_to_servers_that_share_a_room() {
    let world = world().await;
    world.room(&["a.example"]).await;
    let upload = [testing::device_keys(&world.alice, "D"), testing::device_keys(&world.alice, "D")];
    let upload = |number: usize| Raw::from_json(to_raw_value(&upload[number]).unwrap());
    let (keys, none) = (&world.federation.users().device_keys, BTreeMap::new());
    let device = ruma::device_id!("D");
    keys.upload(&world.alice, device, Some(&upload(0)), &none, &none).await.unwrap();
    // Not the login's, of which the server may hear or not.
    let updates = |others: &Others| {
        let mut updates = others.edus("a.example", "m.device_list_update");
        updates.retain(|update| update["keys"].is_object());
        updates
    };
    world.until("the first", |others| !updates(others).is_empty()).await;
    world.others.set_down("a.example", true);
    keys.upload(&world.alice, device, Some(&upload(1)), &none, &none).await.unwrap();
    while world.rows() != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.others.set_down("a.example", false);
    world.until("the second", |others| updates(others).len() >= 2).await;
    let updates = updates(&world.others);
    assert_eq!(updates[0]["prev_id"].as_array().map(Vec::len), Some(1), "the login, before there was a room");
    assert_eq!(updates[1]["prev_id"], json!([updates[0]["stream_id"]]));
    let told: Raw<IdentityKeys> = serde_json::from_value(updates[1]["keys"].clone()).unwrap();
    assert_eq!(told.deserialize().unwrap().keys, upload(1).deserialize().unwrap().keys);
    assert_eq!(keys.shared_list(&world.alice).unwrap().stream_id, updates[1]["stream_id"].as_u64().unwrap());
}

#[tokio::test]
async fn who_is_made_to_leave_is_told_so_even_if_late() {
    let world = world().await;
    let room = world.room(&["a.example", "b.example"]).await;
    let leaves = |others: &Others, server: &str| {
        let pdus = others.values(server, |transaction| &transaction.pdus);
        pdus.iter().filter(|pdu| pdu["content"]["membership"] == "leave").count()
    };
    world.others.set_down("b.example", true);
    for server in ["a.example", "b.example"] {
        room.set_membership(&world.alice, &far(server), "leave", Map::new()).await.unwrap();
    }
    world.say(&room, "among ourselves").await;
    world.until("the kick", |others| leaves(others, "a.example") == 1).await;
    while world.rows() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.others.set_down("b.example", false);
    world.until("the late kick", |others| leaves(others, "b.example") >= 1).await;
    for server in ["a.example", "b.example"] {
        assert_eq!(world.others.bodies(server), [""; 0]);
    }
}

#[tokio::test]
async fn a_join_through_this_server_is_relayed_and_one_through_another_is_left_to_it() {
    let world = world().await;
    let room = world.room(&["a.example"]).await;
    let pdu = join_event(&room, "b.example");
    world.federation.relay(pdu.event_id());
    assert!(matches!(room.receive(pdu).await.unwrap(), Received::Accepted(_)));
    world
        .until("the join", |others| {
            let pdus = others.values("a.example", |transaction| &transaction.pdus);
            pdus.iter().any(|pdu| pdu["sender"] == "@zoe:b.example")
        })
        .await;
    world.say(&room, "welcome").await;
    world.until("what follows", |others| others.bodies("b.example") == ["welcome"]).await;
    let to_b = world.others.values("b.example", |transaction| &transaction.pdus);
    assert!(to_b.iter().all(|pdu| pdu["sender"] != "@zoe:b.example"), "it has the join");
    let template = NewEvent::message(&world.alice, "m.room.message", to_raw_value(&json!({})).unwrap());
    let left = room.send(template, None).await.unwrap();
    world.federation.leave_to_others(left.id());
    assert_eq!(world.federation.exceptions().take(left.id()), Some(super::Exception::LeaveToOthers));
    assert_eq!(world.federation.exceptions().take(left.id()), None);
}

impl World {
    async fn stick(&self, room: &Room, body: &str) -> Arc<Event> {
        let content = to_raw_value(&json!({ "body": body })).unwrap();
        let event = NewEvent::message(&self.alice, "m.rtc.member", content);
        room.send(NewEvent { sticky: Some(3_600_000), ..event }, None).await.unwrap()
    }
}

#[tokio::test]
async fn a_server_that_comes_into_a_room_is_sent_what_is_sticky_there() {
    let world = world().await;
    let room = world.room(&["a.example"]).await;
    world.say(&room, "not for who comes later").await;
    world.stick(&room, "one").await;
    world.stick(&room, "two").await;
    world.until("a to hear", |others| others.bodies("a.example").len() == 3).await;
    join(&room, "b.example").await;
    world.say(&room, "hello").await;
    world.until("b to hear", |others| others.bodies("b.example").len() == 3).await;
    assert_eq!(world.others.bodies("b.example"), ["one", "two", "hello"]);
    world.until("a to hear on", |others| others.bodies("a.example").len() == 4).await;
    assert_eq!(world.others.bodies("a.example"), ["not for who comes later", "one", "two", "hello"]);
}

#[tokio::test]
async fn who_was_away_for_long_is_sent_all_that_is_sticky_still() {
    let world = world().await;
    let room = world.room(&["a.example", "b.example"]).await;
    world.others.set_down("a.example", true);
    world.say(&room, "0").await;
    world.until("a is behind", |_| world.rooms_behind() == 1).await;
    for number in 0..60 {
        world.stick(&room, &format!("sticky {number}")).await;
    }
    for number in 1..1100 {
        world.say(&room, &number.to_string()).await;
    }
    world.others.set_down("a.example", false);
    world.until("the newest", |others| others.bodies("a.example").contains(&"1099".to_owned())).await;
    let bodies = world.others.bodies("a.example");
    let sticky = bodies.iter().filter(|body| body.starts_with("sticky"));
    assert!(sticky.eq(&(0..60).map(|number| format!("sticky {number}")).collect::<Vec<_>>()));
    // The rest it asks for itself where it misses it, or gets in order.
    assert_eq!(bodies.last().unwrap(), "1099");
}
