//! Members of a room in its call: tokens, who is turned out, and who is gone.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use hearth_calls::{CallError, CallService, Gate, Participant, Parts};
use hearth_rooms::{CreateRoom, NewEvent, Preset, Room, Rooms, RoomsOptions};
use hearth_sfu::{
    Calls, Limits, SfuOptions, Token, TokenKey,
    messages::{JoinRequest, LeaveRequest, Said, Told},
};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    Clock as _, ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, schema::rooms::DelayedEventEnd,
};
use ruma::{UserId, owned_server_name, user_id};
use serde_json::{Map, json, value::to_raw_value};

const HOUR_MS: u64 = 60 * 60 * 1000;

fn key() -> TokenKey {
    TokenKey::new("hearth", "secret")
}

/// A server whose rooms have calls.
struct World {
    clock: Arc<ManualClock>,
    rooms: Rooms,
    calls: Calls,
    service: CallService,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(7));
        let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
        let options = RoomsOptions {
            server_name: owned_server_name!("hearth.example"),
            key: SigningKey::generate([1; 32], "a").unwrap(),
            cache_bytes: 16 << 20,
            default_version: RoomVersion::V12,
            retention: Default::default(),
        };
        let rooms = Rooms::open(store, options, clock.clone(), random.clone()).unwrap();
        let gate = Gate { clock: clock.clone(), random, rooms: rooms.clone() };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let options = SfuOptions { addresses: vec![socket.local_addr().unwrap()], limits: Limits::default() };
        let calls = Calls::start(socket, options, Arc::new(gate)).unwrap();
        let base_url = "https://matrix.hearth.example".to_owned();
        let parts = Parts { calls: calls.clone(), key: key(), base_url, rooms: rooms.clone() };
        Self { clock, rooms, calls, service: CallService::start(parts) }
    }

    async fn room(&self, creator: &UserId, other: &UserId) -> Room {
        let id = self.rooms.create_room(CreateRoom::new(creator.to_owned(), Preset::PublicChat));
        let room = self.rooms.room(&id.await.unwrap()).unwrap();
        self.rooms.join(&room, other, Map::new()).await.unwrap();
        room
    }

    fn token(&self, participant: &Participant) -> Token {
        let text = self.service.token(participant).unwrap();
        Token::verify(&text, &key(), self.clock.now_ms() / 1000).unwrap()
    }
}

fn participant(user: &UserId, room: &Room) -> Participant {
    Participant::by_device(user.to_owned(), room.id().to_owned(), "PHONE".into())
}

/// Waits for something that comes. The clock may be paused, and the SFU has a thread that it knows nothing of: so that gets some
/// time as well.
#[allow(clippy::disallowed_methods, reason = "that thread lives in real time")]
async fn becomes(is_so: impl AsyncFn() -> bool) {
    for _ in 0..10_000 {
        if is_so().await {
            return;
        }
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(5))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn who_is_a_member_no_more_is_turned_out_and_not_let_in_again() {
    let world = World::new();
    let (alice, bob) = (user_id!("@alice:hearth.example"), user_id!("@bob:hearth.example"));
    let room = world.room(alice, bob).await;
    let (of_alice, of_bob) = (world.token(&participant(alice, &room)), world.token(&participant(bob, &room)));
    let call = of_bob.room.clone();
    assert_eq!(of_alice.room, call);
    let _alice = world.calls.join(of_alice, JoinRequest::default()).await.unwrap();
    let mut of_bob_told = world.calls.join(of_bob.clone(), JoinRequest::default()).await.unwrap().told;
    // What concerns nobody in the call changes nothing.
    world.rooms.join(&room, user_id!("@carol:hearth.example"), Map::new()).await.unwrap();
    assert_eq!(world.calls.identities(call.clone()).await.len(), 2);

    room.set_membership(alice, bob, "ban", Map::new()).await.unwrap();
    becomes(async || world.calls.identities(call.clone()).await == ["@alice:hearth.example:PHONE"]).await;
    let mut last = None;
    while let Some(told) = of_bob_told.recv().await {
        last = told.message;
    }
    assert!(matches!(last, Some(Told::Leave(_))), "{last:?}");
    assert!(
        world.calls.join(of_bob, JoinRequest::default()).await.is_err(),
        "the token is good, and he is out"
    );
    let error = world.service.token(&participant(bob, &room)).unwrap_err();
    assert!(matches!(error, CallError::NotInRoom), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_leave_is_put_off_while_its_participant_is_there_and_sent_when_it_is_gone() {
    let world = World::new();
    let (alice, bob) = (user_id!("@alice:hearth.example"), user_id!("@bob:hearth.example"));
    let room = world.room(alice, bob).await;
    let there = participant(bob, &room);
    let bye = to_raw_value(&json!({ "msgtype": "m.text", "body": "bye" })).unwrap();
    let event = NewEvent::message(bob, "m.room.message", bye);
    let delay_id = room.send_later(event, HOUR_MS, None).await.unwrap();
    let row = || world.rooms.delayed_events(bob).unwrap().remove(0).row;
    let signalling = world.calls.join(world.token(&there), JoinRequest::default()).await.unwrap();

    world.clock.advance(1000);
    world.service.take_over_leave(&there, delay_id.clone()).unwrap();
    becomes(async || row().running_since == world.clock.now_ms()).await;
    assert_eq!(row().ended, None);
    world.calls.say(signalling.number, Said::Leave(LeaveRequest::default()).into()).await;
    becomes(async || matches!(row().ended, Some((_, DelayedEventEnd::Sent(_))))).await;
    let error = world.service.take_over_leave(&there, delay_id).unwrap_err();
    assert!(matches!(error, CallError::UnknownLeave), "{error}");
}
