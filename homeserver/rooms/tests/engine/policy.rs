//! Rooms with a policy server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::future::BoxFuture;
use hearth_rooms::{ClientTransaction, Event, NewEvent, PolicyServers, Received, Room, RoomError};
use hearth_spec::{Pdu, RoomVersion, SigningKey, sign_pdu};
use hearth_storage::timers::Timers;
use ruma::{OwnedUserId, ServerName, server_name};
use serde_json::{Value, json, value::to_raw_value};

use crate::world::*;

fn key() -> SigningKey {
    SigningKey::generate([9; 32], "policy_server").unwrap()
}

/// The policy server of the tests: it signs all but spam, while it answers.
#[derive(Default)]
struct Guard {
    silent: AtomicBool,
}

impl PolicyServers for Guard {
    fn sign<'a>(&'a self, via: &'a ServerName, pdu: &'a Pdu) -> BoxFuture<'a, Result<Pdu, RoomError>> {
        Box::pin(async move {
            assert_eq!(via, "there");
            if self.silent.load(Ordering::SeqCst) {
                return Err(RoomError::NoPolicyServer);
            }
            match pdu.content_str().contains("spam") {
                true => Err(RoomError::Forbidden("that is spam".to_owned())),
                false => Ok(sign_pdu(pdu, via, &key())?),
            }
        })
    }
}

/// A room with a user of the policy server in it, who is far.
struct Guarded {
    world: World,
    room: Room,
    alice: OwnedUserId,
    far: OwnedUserId,
    guard: Arc<Guard>,
}

impl Guarded {
    async fn new() -> Self {
        let world = world();
        let (alice, far) = (user("alice"), far("guard"));
        let room = world.public_room(&alice, RoomVersion::V11).await;
        let guard = Arc::new(Guard::default());
        world.rooms.ask_policy_servers(guard.clone());
        let guarded = Self { world, room, alice, far, guard };
        let content = json!({ "via": "there", "public_keys": { "ed25519": key().public_key_base64() } });
        set(&guarded.room, &guarded.alice, "m.room.policy", "", content).await.unwrap();
        guarded
    }

    /// What the far user makes on top of the newest event.
    async fn made(&self, event_type: &str, state_key: Option<&str>, content: Value) -> Pdu {
        let last = self.newest();
        let keys = [("m.room.create", ""), ("m.room.join_rules", ""), ("m.room.power_levels", "")];
        let mut auth: Vec<Arc<Event>> =
            keys.iter().map(|(kind, key)| self.room.state_event(kind, key).unwrap().unwrap()).collect();
        if state_key.is_none() {
            auth.remove(1);
        }
        auth.extend(self.room.state_event("m.room.member", self.far.as_str()).unwrap());
        let made = Elsewhere { room: &self.room, sender: &self.far, prev: &[&last], auth: &auth };
        made.make(event_type, state_key, content)
    }

    fn newest(&self) -> Arc<Event> {
        let range = hearth_rooms::TimelineRange { after: None, until: None, backwards: true, limit: 1 };
        self.room.timeline(range).unwrap().remove(0)
    }

    async fn far_joins(&self) {
        let join = self.made("m.room.member", Some(self.far.as_str()), json!({ "membership": "join" })).await;
        assert!(matches!(self.room.receive(join).await.unwrap(), Received::Accepted(_)));
    }
}

#[tokio::test]
async fn a_server_that_is_not_in_the_room_has_no_say() {
    let guarded = Guarded::new().await;
    assert!(guarded.room.policy().unwrap().is_none());
    say(&guarded.room, &guarded.alice, "spam").await.unwrap();
}

#[tokio::test]
async fn what_users_here_send_is_signed_or_refused() {
    let guarded = Guarded::new().await;
    guarded.far_joins().await;
    let Guarded { room, alice, guard, .. } = &guarded;
    let policy = room.policy().unwrap().unwrap();
    let sent = say(room, alice, "hello").await.unwrap();
    assert!(policy.recommends(&sent.pdu));
    let named = set(room, alice, "m.room.name", "", json!({ "name": "Guarded" })).await.unwrap();
    assert!(policy.recommends(&named.pdu));
    assert_eq!(
        set(room, alice, "m.room.name", "", json!({ "name": "Guarded" })).await.unwrap().nid,
        named.nid
    );
    let refused = say(room, alice, "spam").await.unwrap_err();
    assert!(matches!(refused, RoomError::Forbidden(reason) if reason == "that is spam"));
    guard.silent.store(true, Ordering::SeqCst);
    assert!(matches!(say(room, alice, "hello?").await, Err(RoomError::NoPolicyServer)));
    assert_eq!(guarded.newest().nid, named.nid);
    // It can be taken away all the same.
    set(room, alice, "m.room.policy", "", json!({})).await.unwrap();
    say(room, alice, "spam").await.unwrap();
    guarded.world.assert_sound();
}

#[tokio::test]
async fn what_is_sent_again_under_its_transaction_is_sent_once() {
    let guarded = Guarded::new().await;
    guarded.far_joins().await;
    let Guarded { room, alice, .. } = &guarded;
    let send = || {
        let content = to_raw_value(&json!({ "body": "once" })).unwrap();
        let transaction = ClientTransaction {
            user: alice.clone(),
            device: "D".into(),
            endpoint: "send".to_owned(),
            transaction_id: "1".to_owned(),
        };
        room.send(NewEvent::message(alice, "m.room.message", content), Some(transaction))
    };
    let (first, second) = futures::future::join(send(), send()).await;
    let first = first.unwrap();
    assert_eq!(first.nid, second.unwrap().nid);
    assert_eq!(send().await.unwrap().nid, first.nid);
    assert!(first.sent_by.is_some());
}

#[tokio::test]
async fn what_comes_without_the_servers_signature_is_soft_failed() {
    let guarded = Guarded::new().await;
    guarded.far_joins().await;
    let unsigned = guarded.made("m.room.message", None, json!({ "body": "unsigned" })).await;
    assert!(matches!(guarded.room.receive(unsigned).await.unwrap(), Received::SoftFailed(..)));
    let other = SigningKey::generate([8; 32], "policy_server").unwrap();
    let forged = guarded.made("m.room.message", None, json!({ "body": "forged" })).await;
    let forged = sign_pdu(&forged, server_name!("there"), &other).unwrap();
    assert!(matches!(guarded.room.receive(forged).await.unwrap(), Received::SoftFailed(..)));
    let good = guarded.made("m.room.message", None, json!({ "body": "good" })).await;
    let good = sign_pdu(&good, server_name!("there"), &key()).unwrap();
    assert!(matches!(guarded.room.receive(good).await.unwrap(), Received::Accepted(_)));
    guarded.world.assert_sound();
}

#[tokio::test]
async fn what_was_delayed_is_signed_when_its_time_comes() {
    let guarded = Guarded::new().await;
    guarded.far_joins().await;
    let Guarded { world, room, alice, guard, .. } = &guarded;
    let mut timers = Timers::new(world.rooms.store().clone(), world.clock.clone());
    world.rooms.handle_timers(&mut timers);
    let _ticking = timers.start();
    guard.silent.store(true, Ordering::SeqCst);
    let content = to_raw_value(&json!({ "body": "later" })).unwrap();
    room.send_later(NewEvent::message(alice, "m.room.message", content), 10, None).await.unwrap();
    world.clock.advance(10);
    let waits = || world.rooms.delayed_events(alice).unwrap()[0].row.ended.is_none();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(waits(), "the policy server does not answer");
    guard.silent.store(false, Ordering::SeqCst);
    while waits() {
        world.clock.advance(1_000);
        tokio::task::yield_now().await;
    }
    assert!(room.policy().unwrap().unwrap().recommends(&guarded.newest().pdu));
    world.assert_sound();
}
