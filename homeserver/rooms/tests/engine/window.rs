//! The window between queued and durable, held open: whatever two writers do in it, the room ends as if the second
//! had begun when the first was on the disk.

use std::{future::Future, pin::Pin, sync::Arc, task::Poll};

use crate::world::*;
use hearth_rooms::{ClientTransaction, Event, NewEvent, OutOfRoom, Preset, Room, RoomError};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::{
    Direction, Engine, MemoryEngine, RawRange, RawScan, Scan,
    schema::{
        self,
        rooms::{Membership, ThreadRow},
    },
};
use ruma::{OwnedEventId, OwnedRoomAliasId, OwnedUserId, RoomAliasId, UserId, owned_device_id};
use serde_json::{Map, Value, json, value::to_raw_value};

/// A room in which much can happen, and what another server may send to it.
struct Stage {
    world: World,
    room: Room,
    prepared: Prepared,
}

#[derive(Clone)]
struct Prepared {
    room: ruma::OwnedRoomId,
    /// Made the room.
    alice: OwnedUserId,
    /// Joined.
    bob: OwnedUserId,
    /// Was here and left.
    carol: OwnedUserId,
    /// Of another server, joined.
    dave: OwnedUserId,
    message: OwnedEventId,
    /// The root of a thread, and its two replies.
    root: OwnedEventId,
    replies: [OwnedEventId; 2],
    alias: OwnedRoomAliasId,
    /// From elsewhere: a message, what redacts it, a new name of Dave's, his leave, a message after one that is
    /// missing, and that one.
    far_message: Pdu,
    far_redaction: Pdu,
    far_profile: Pdu,
    far_leave: Pdu,
    far_later: Pdu,
    far_missing: Pdu,
    /// An invite to a room that is not here.
    invite: OutOfRoom,
    state: Vec<OwnedEventId>,
}

fn content(value: Value) -> Box<serde_json::value::RawValue> {
    to_raw_value(&value).unwrap()
}

fn message(sender: &UserId, content: Value) -> NewEvent {
    NewEvent::message(sender, "m.room.message", self::content(content))
}

fn thread_reply(sender: &UserId, root: &OwnedEventId, body: &str) -> NewEvent {
    message(sender, json!({ "body": body, "m.relates_to": { "rel_type": "m.thread", "event_id": root } }))
}

fn reaction(sender: &UserId, parent: &OwnedEventId) -> NewEvent {
    let relation = json!({ "rel_type": "m.annotation", "event_id": parent, "key": "+" });
    NewEvent::message(sender, "m.reaction", content(json!({ "m.relates_to": relation })))
}

fn redaction(sender: &UserId, redacts: &OwnedEventId) -> NewEvent {
    let event = NewEvent::message(sender, "m.room.redaction", content(json!({ "redacts": redacts })));
    NewEvent { redacts: Some(redacts.clone()), ..event }
}

/// Sets the stage once; each run plays on a copy of it.
async fn prepare() -> (MemoryEngine, Prepared) {
    let world = world();
    let (alice, bob, carol, dave) = (user("alice"), user("bob"), user("carol"), far("dave"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    for joiner in [&bob, &carol] {
        world.rooms.join(&room, joiner, Map::new()).await.unwrap();
    }
    room.set_membership(&carol, &carol, "leave", Map::new()).await.unwrap();
    let alias = RoomAliasId::parse("#taken:here").unwrap();
    world.rooms.set_alias(&alias, &room, &alice).await.unwrap();
    let member = json!({ "membership": "join" });
    let proposal =
        NewEvent::state_json(&dave, "m.room.member", dave.as_str(), &member).map(|event| room.propose(event));
    let proposal = proposal.unwrap().unwrap();
    let there = world_of(ruma::server_name!("there"));
    room.receive(there.rooms.seal(room.version(), &proposal).unwrap()).await.unwrap();

    let send = async |event| room.send(event, None).await.unwrap().id().to_owned();
    let first = send(message(&alice, json!({ "body": "first" }))).await;
    let root = send(message(&alice, json!({ "body": "root" }))).await;
    let replies =
        [send(thread_reply(&alice, &root, "one")).await, send(thread_reply(&bob, &root, "two")).await];
    let last = room.event(&replies[1]).unwrap().unwrap();
    let auth = ["m.room.power_levels", "m.room.join_rules"].map(|kind| (kind, ""));
    let auth: Vec<Arc<Event>> = auth
        .into_iter()
        .chain([("m.room.member", dave.as_str())])
        .map(|(kind, key)| room.state_event(kind, key).unwrap().unwrap())
        .collect();
    // A message names no join rules.
    let for_messages = [auth[0].clone(), auth[2].clone()];
    let say = Elsewhere { room: &room, sender: &dave, prev: &[&last], auth: &for_messages };
    let far_message = say.make("m.room.message", None, json!({ "body": "from afar" }));
    let far_redaction = say.make("m.room.redaction", None, json!({ "redacts": far_message.event_id() }));
    let far_missing = say.make("m.room.message", None, json!({ "body": "missing" }));
    let act = Elsewhere { room: &room, sender: &dave, prev: &[&last], auth: &auth };
    let membership = |value| act.make("m.room.member", Some(dave.as_str()), value);
    let far_profile = membership(json!({ "membership": "join", "displayname": "Dave" }));
    let far_leave = membership(json!({ "membership": "leave" }));
    let far_later = {
        let elsewhere = open(world.engine.synced());
        let room = elsewhere.rooms.room(room.id()).unwrap();
        room.receive(far_missing.clone()).await.unwrap();
        let missing = room.event(far_missing.event_id()).unwrap().unwrap();
        let say = Elsewhere { room: &room, sender: &dave, prev: &[&missing], auth: &for_messages };
        say.make("m.room.message", None, json!({ "body": "later" }))
    };
    let invite = {
        let over_there = there.public_room(&dave, RoomVersion::V12).await;
        let invite = over_there.set_membership(&dave, &bob, "invite", Map::new()).await.unwrap();
        OutOfRoom {
            room_id: over_there.id().to_owned(),
            version: over_there.version(),
            event: (*invite.pdu).clone(),
            user: bob.clone(),
            membership: Membership::Invite,
            stripped_state: Some("[]".to_owned()),
        }
    };
    let state = room.full_state(room.head().state).unwrap();
    let state = state.iter().map(|event| event.id().to_owned()).collect();
    world.assert_sound();
    let prepared = Prepared {
        room: room.id().to_owned(),
        alice,
        bob,
        carol,
        dave,
        message: first,
        root,
        replies,
        alias,
        far_message,
        far_redaction,
        far_profile,
        far_leave,
        far_later,
        far_missing,
        invite,
        state,
    };
    (world.engine.synced(), prepared)
}

impl Stage {
    fn set(engine: &MemoryEngine, prepared: &Prepared) -> Self {
        let world = open(engine.synced());
        let room = world.rooms.room(&prepared.room).unwrap();
        Self { world, room, prepared: prepared.clone() }
    }

    async fn send(&self, event: NewEvent) -> Outcome {
        told(self.room.send(event, None).await.map(|event| event.id().to_owned()))
    }

    async fn send_under(&self, sender: &UserId, transaction_id: &str) -> Outcome {
        let transaction = ClientTransaction {
            user: sender.to_owned(),
            device: owned_device_id!("PHONE"),
            endpoint: "send".to_owned(),
            transaction_id: transaction_id.to_owned(),
        };
        let event = message(sender, json!({ "body": "once" }));
        told(self.room.send(event, Some(transaction)).await.map(|event| event.id().to_owned()))
    }

    async fn receive(&self, pdu: &Pdu) -> Outcome {
        let received = self.room.receive(pdu.clone()).await;
        told(received.map(|received| format!("{received:?}").split('(').next().map(str::to_owned)))
    }

    async fn set_membership(&self, sender: &UserId, target: &UserId, membership: &str) -> Outcome {
        told(
            self.room
                .set_membership(sender, target, membership, Map::new())
                .await
                .map(|event| event.id().to_owned()),
        )
    }

    fn thread(&self) -> Option<ThreadRow> {
        let view = self.world.rooms.store().view();
        view.get(&schema::THREADS, (self.room.nid(), &self.prepared.root)).unwrap()
    }

    /// All rows, as they lie on the disk.
    fn rows(&self) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        for keyspace in schema::ALL {
            let all = RawRange { start: Vec::new(), end: None, direction: Direction::Forward };
            let mut scan = self.world.engine.scan(None, *keyspace, all);
            while let Some(row) =
                scan.next(|key, value| (keyspace.name, key.to_vec(), value.to_vec())).unwrap()
            {
                rows.push(row);
            }
        }
        rows
    }
}

type Outcome = Result<String, String>;
type Writer = fn(&Stage) -> Write<'_>;
type Write<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

fn told<T: std::fmt::Debug>(result: Result<T, RoomError>) -> Outcome {
    result.map(|value| format!("{value:?}")).map_err(|error| error.to_string())
}

/// Everyone who writes to rooms.
const WRITERS: &[(&str, Writer)] = &[
    ("send", |on| Box::pin(on.send(message(&on.prepared.alice, json!({ "body": "new" }))))),
    ("send under a transaction", |on| Box::pin(on.send_under(&on.prepared.alice, "t1"))),
    ("set state", |on| {
        let name = json!({ "name": "ours" });
        Box::pin(on.send(NewEvent::state_json(&on.prepared.alice, "m.room.name", "", &name).unwrap()))
    }),
    ("redact", |on| Box::pin(on.send(redaction(&on.prepared.alice, &on.prepared.message)))),
    ("react", |on| Box::pin(on.send(reaction(&on.prepared.bob, &on.prepared.message)))),
    ("reply in a thread", |on| {
        Box::pin(on.send(thread_reply(&on.prepared.alice, &on.prepared.root, "three")))
    }),
    ("redact the newest reply", |on| {
        Box::pin(on.send(redaction(&on.prepared.alice, &on.prepared.replies[1])))
    }),
    ("redact the oldest reply", |on| {
        Box::pin(on.send(redaction(&on.prepared.alice, &on.prepared.replies[0])))
    }),
    ("redact what may not be here yet", |on| {
        Box::pin(on.send(redaction(&on.prepared.alice, &on.prepared.far_message.event_id().to_owned())))
    }),
    ("receive a message", |on| Box::pin(on.receive(&on.prepared.far_message))),
    ("receive its redaction", |on| Box::pin(on.receive(&on.prepared.far_redaction))),
    ("receive state", |on| Box::pin(on.receive(&on.prepared.far_profile))),
    ("receive a leave", |on| Box::pin(on.receive(&on.prepared.far_leave))),
    ("receive what follows a gap", |on| {
        Box::pin(async move {
            let (later, state) = (on.prepared.far_later.clone(), &on.prepared.state);
            told(on.room.receive_with_state(later, state).await.map(drop))
        })
    }),
    ("receive what was missing", |on| Box::pin(on.receive(&on.prepared.far_missing))),
    ("take in history", |on| {
        Box::pin(async move {
            let history = vec![on.prepared.far_missing.clone()];
            let new = on.room.take_in_history(history, &on.prepared.state).await;
            told(new.map(|events| events.len()))
        })
    }),
    ("keep outliers", |on| {
        Box::pin(async move {
            let outliers = vec![on.prepared.far_profile.clone(), on.prepared.far_message.clone()];
            told(on.room.receive_outliers(outliers).await)
        })
    }),
    ("note an invite", |on| {
        Box::pin(async move { told(on.world.rooms.note_membership(on.prepared.invite.clone()).await) })
    }),
    ("note an invite to a room that is here", |on| {
        Box::pin(async move {
            let (room_id, version) = (on.room.id().to_owned(), on.room.version());
            let (event, user) = (on.prepared.far_message.clone(), on.prepared.carol.clone());
            let note = OutOfRoom { room_id, version, event, user, ..on.prepared.invite.clone() };
            told(on.world.rooms.note_membership(note).await)
        })
    }),
    ("join", |on| {
        Box::pin(async move {
            let joined = on.world.rooms.join(&on.room, &on.prepared.carol, Map::new()).await;
            told(joined.map(|event| event.id().to_owned()))
        })
    }),
    ("leave", |on| Box::pin(on.set_membership(&on.prepared.bob, &on.prepared.bob, "leave"))),
    ("invite", |on| Box::pin(on.set_membership(&on.prepared.alice, &on.prepared.carol, "invite"))),
    ("ban", |on| Box::pin(on.set_membership(&on.prepared.alice, &on.prepared.dave, "ban"))),
    ("forget", |on| Box::pin(async move { told(on.room.forget(&on.prepared.carol).await) })),
    ("read up to the root", |on| Box::pin(read(on, &on.prepared.root))),
    ("read up to the newest reply", |on| Box::pin(read(on, &on.prepared.replies[1]))),
    ("set an alias", |on| {
        Box::pin(async move {
            let alias = RoomAliasId::parse("#free:here").unwrap();
            told(on.world.rooms.set_alias(&alias, &on.room, &on.prepared.alice).await)
        })
    }),
    ("delete an alias", |on| {
        Box::pin(async move { told(on.world.rooms.delete_alias(&on.prepared.alias).await) })
    }),
    ("publish", |on| Box::pin(async move { told(on.world.rooms.set_published(&on.room, true).await) })),
    ("create a room", |on| {
        Box::pin(async move {
            let mut room = create(&on.prepared.bob, Preset::PublicChat, RoomVersion::V12);
            room.alias = Some(RoomAliasId::parse("#free:here").unwrap());
            told(on.world.rooms.create_room(room).await)
        })
    }),
];

async fn read(on: &Stage, event: &OwnedEventId) -> Outcome {
    let event = on.room.event(event).unwrap().unwrap();
    told(on.room.set_receipt(&on.prepared.bob, "m.read", None, &event).await)
}

/// Lets one begin: up to where it waits for the disk, as nobody else holds what it needs.
fn begin(write: &mut Write<'_>) -> Option<Outcome> {
    match futures::executor::block_on(async { futures::poll!(write) }) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// Lets two write in the window, and then the disk.
async fn in_the_window(on: &Stage, first: Writer, second: Writer) -> [Outcome; 2] {
    let hold = on.world.engine.hold();
    let (mut first, mut second) = (first(on), second(on));
    let early = [begin(&mut first), begin(&mut second)];
    drop(hold);
    let [first_outcome, second_outcome] = early;
    let first = match first_outcome {
        Some(outcome) => outcome,
        None => first.await,
    };
    let second = match second_outcome {
        Some(outcome) => outcome,
        None => second.await,
    };
    on.world.rooms.store().settled().await.unwrap();
    [first, second]
}

#[tokio::test]
async fn every_pair_of_writers_ends_as_one_after_the_other() {
    let (engine, prepared) = prepare().await;
    let mut failures = Vec::new();
    for (first_name, first) in WRITERS {
        for (second_name, second) in WRITERS {
            let one = Stage::set(&engine, &prepared);
            let expected = [first(&one).await, second(&one).await];
            // Who is refused may have noted which numbers are given, and does not wait for that.
            one.world.rooms.store().settled().await.unwrap();
            let other = Stage::set(&engine, &prepared);
            let outcomes = in_the_window(&other, *first, *second).await;
            let found = [&one, &other]
                .map(|stage| hearth_rooms::check(stage.world.rooms.store(), |_| {}).unwrap().findings);
            if outcomes != expected || one.rows() != other.rows() || found != [[], []] {
                failures
                    .push(format!("{first_name}, {second_name}: {outcomes:?} for {expected:?}, {found:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} pairs:\n{}", failures.len(), failures.join("\n"));
}

fn writer(name: &str) -> Writer {
    WRITERS.iter().find(|(known, _)| *known == name).map(|(_, write)| *write).unwrap()
}

/// Plays two writers in the window, and then looks at the room.
async fn after(first: &str, second: &str) -> (Stage, [Outcome; 2]) {
    let (engine, prepared) = prepare().await;
    let stage = Stage::set(&engine, &prepared);
    let outcomes = in_the_window(&stage, writer(first), writer(second)).await;
    stage.world.assert_sound();
    (stage, outcomes)
}

#[tokio::test]
async fn a_redaction_finds_its_event_whichever_of_them_is_queued_first() {
    for (first, second) in [
        ("receive its redaction", "receive a message"),
        ("receive a message", "receive its redaction"),
        ("redact what may not be here yet", "receive a message"),
        ("receive a message", "redact what may not be here yet"),
    ] {
        let (stage, _) = after(first, second).await;
        let event = stage.room.event(stage.prepared.far_message.event_id()).unwrap().unwrap();
        assert!(event.redacted_by.is_some(), "{first}, {second}");
        let waiting = stage.world.rooms.store().view();
        assert_eq!(waiting.scan(&schema::PENDING_REDACTIONS, Scan::all()).count(), 0);
    }
}

#[tokio::test]
async fn a_room_that_is_being_joined_is_not_forgotten() {
    let (stage, [_, forgotten]) = after("join", "forget").await;
    assert!(forgotten.is_err());
    let row = stage.world.rooms.user_room(&stage.prepared.carol, stage.room.nid()).unwrap().unwrap();
    assert_eq!((row.membership, row.forgotten), (Membership::Join, false));
}

#[tokio::test]
async fn one_of_two_equal_reactions_is_refused() {
    let (_, [first, second]) = after("react", "react").await;
    assert!(first.is_ok());
    assert!(second.is_err());
}

#[tokio::test]
async fn a_thread_ends_with_its_newest_reply_that_is_left() {
    for (first, second) in
        [("reply in a thread", "redact the newest reply"), ("redact the newest reply", "reply in a thread")]
    {
        let (stage, outcomes) = after(first, second).await;
        let sent = outcomes.iter().zip([first, second]).find(|(_, name)| *name == "reply in a thread");
        let reply: OwnedEventId = serde_json::from_str(sent.unwrap().0.as_ref().unwrap()).unwrap();
        let reply = stage.room.event(&reply).unwrap().unwrap();
        let thread = stage.thread().unwrap();
        assert_eq!((Some(thread.latest), thread.count), (reply.order(), 2), "{first}, {second}");
    }
    let (stage, _) = after("redact the newest reply", "redact the oldest reply").await;
    assert_eq!(stage.thread(), None);
}

/// A reply, another one, and the end of that one.
#[tokio::test]
async fn a_thread_goes_back_to_a_reply_that_is_queued() {
    let (engine, prepared) = prepare().await;
    let replies = ["three", "four"].map(|body| thread_reply(&prepared.bob, &prepared.root, body));
    // The ids are the same on every stage.
    let rehearsal = Stage::set(&engine, &prepared);
    let mut ids: Vec<OwnedEventId> = Vec::new();
    for reply in &replies {
        ids.push(rehearsal.room.send(reply.clone(), None).await.unwrap().id().to_owned());
    }
    let stage = Stage::set(&engine, &prepared);
    let hold = stage.world.engine.hold();
    let events = replies.into_iter().chain([redaction(&prepared.bob, &ids[1])]);
    let mut writes: Vec<Write<'_>> = events.map(|event| Box::pin(stage.send(event)) as Write<'_>).collect();
    assert!(writes.iter_mut().all(|write| begin(write).is_none()));
    drop(hold);
    for write in writes {
        write.await.unwrap();
    }
    let thread = stage.thread().unwrap();
    let left = stage.room.event(&ids[0]).unwrap().unwrap();
    assert_eq!((Some(thread.latest), thread.count), (left.order(), 3));
    stage.world.assert_sound();
}

#[tokio::test]
async fn readers_have_an_event_whole_until_its_redaction_is_durable_and_never_again() {
    let (engine, prepared) = prepare().await;
    let stage = Stage::set(&engine, &prepared);
    let event = || stage.room.event(&prepared.message).unwrap().unwrap();
    let hold = stage.world.engine.hold();
    let mut redaction = writer("redact")(&stage);
    assert!(begin(&mut redaction).is_none());
    for _ in 0..2 {
        assert!(event().redacted_by.is_none(), "a reader sees what is not durable");
    }
    drop(hold);
    redaction.await.unwrap();
    assert!(event().redacted_by.is_some());
    assert_eq!(event().pdu.content().get(), "{}");
}

#[tokio::test]
async fn an_event_that_is_queued_is_told_when_it_is_durable() {
    let (engine, prepared) = prepare().await;
    for name in ["send under a transaction", "set state"] {
        let stage = Stage::set(&engine, &prepared);
        let hold = stage.world.engine.hold();
        let (mut first, mut second) = (writer(name)(&stage), writer(name)(&stage));
        assert!(begin(&mut first).is_none());
        assert!(begin(&mut second).is_none(), "{name}: told before it is durable");
        drop(hold);
        assert_eq!(first.await, second.await);
    }
}
