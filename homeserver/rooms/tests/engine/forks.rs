//! Graphs with forks, outliers and missing events, without a network.

use std::sync::Arc;

use crate::world::*;
use hearth_rooms::{Event, Received, Room};
use hearth_spec::RoomVersion;
use ruma::UserId;
use serde_json::{Map, Value, json};

struct Fork {
    world: World,
    room: Room,
    alice: ruma::OwnedUserId,
    bob: ruma::OwnedUserId,
}

/// A room in which Alice, here, and Bob, there, are both moderators.
async fn fork(version: RoomVersion) -> Fork {
    let world = world();
    let (alice, bob) = (user("alice"), far("bob"));
    let room = world.public_room(&alice, version).await;
    receive_join(&room, &bob).await;
    let mut levels: Value = room.state_content("m.room.power_levels", "").unwrap().unwrap();
    levels["users"][bob.as_str()] = 50.into();
    set(&room, &alice, "m.room.power_levels", "", levels).await.unwrap();
    Fork { world, room, alice, bob }
}

fn auth(room: &Room, sender: &UserId, more: &[(&str, &str)]) -> Vec<Arc<Event>> {
    let mut keys = vec![("m.room.power_levels", ""), ("m.room.member", sender.as_str())];
    if room.version() != RoomVersion::V12 {
        keys.push(("m.room.create", ""));
    }
    keys.extend(more);
    keys.into_iter().filter_map(|(kind, key)| room.state_event(kind, key).unwrap()).collect()
}

fn last(room: &Room) -> Arc<Event> {
    let range = hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() };
    room.timeline(range).unwrap().remove(0)
}

async fn receive_join(room: &Room, user: &UserId) {
    let auth = auth(room, user, &[("m.room.join_rules", "")]);
    let pdu = Elsewhere { room, sender: user, prev: &[&last(room)], auth: &auth }.make(
        "m.room.member",
        Some(user.as_str()),
        json!({ "membership": "join" }),
    );
    assert!(matches!(room.receive(pdu).await.unwrap(), Received::Accepted(_)));
}

#[tokio::test]
async fn two_names_at_once_become_one_on_both_orders() {
    for version in [RoomVersion::V1, RoomVersion::V2, RoomVersion::V6, RoomVersion::V11, RoomVersion::V12] {
        let Fork { world, room, alice, bob } = fork(version).await;
        let base = last(&room);
        let bobs = Elsewhere { room: &room, sender: &bob, prev: &[&base], auth: &auth(&room, &bob, &[]) };
        let theirs = bobs.make("m.room.name", Some(""), json!({ "name": "theirs" }));
        let ours = set(&room, &alice, "m.room.name", "", json!({ "name": "ours" })).await.unwrap();
        let Received::Accepted(theirs) = room.receive(theirs).await.unwrap() else { panic!("not accepted") };
        assert_eq!(room.head().extremities.len(), 2);
        let name = room.state_event("m.room.name", "").unwrap().unwrap();
        assert!(name.id() == ours.id() || name.id() == theirs.id());
        // The next event joins the fork, and the state stays what it was resolved to.
        say(&room, &alice, "together again").await.unwrap();
        assert_eq!(room.head().extremities.len(), 1);
        assert_eq!(room.state_event("m.room.name", "").unwrap().unwrap().id(), name.id());
        world.assert_sound();
    }
}

#[tokio::test]
async fn what_a_banned_user_says_from_before_the_ban_is_soft_failed() {
    let Fork { world, room, alice, bob } = fork(RoomVersion::V12).await;
    let (base, auth) = (last(&room), auth(&room, &bob, &[]));
    room.set_membership(&alice, &bob, "ban", Map::new()).await.unwrap();
    let late = Elsewhere { room: &room, sender: &bob, prev: &[&base], auth: &auth };
    let pdu = late.make("m.room.message", None, json!({ "body": "too late" }));
    let id = pdu.event_id().to_owned();
    assert!(matches!(room.receive(pdu).await.unwrap(), Received::SoftFailed(..)));
    assert_ne!(last(&room).id(), id);
    assert_eq!(room.head().extremities.len(), 1);
    assert!(room.event(&id).unwrap().unwrap().order().is_none());
    world.assert_sound();
}

#[tokio::test]
async fn a_ban_beats_what_the_banned_did_meanwhile() {
    let Fork { world, room, alice, bob } = fork(RoomVersion::V12).await;
    let (base, auth) = (last(&room), auth(&room, &bob, &[]));
    // Bob names the room on his side, while Alice bans him on hers; his event comes with the fork.
    let named = Elsewhere { room: &room, sender: &bob, prev: &[&base], auth: &auth };
    let pdu = named.make("m.room.name", Some(""), json!({ "name": "Bob's" }));
    room.set_membership(&alice, &bob, "ban", Map::new()).await.unwrap();
    room.receive(pdu).await.unwrap();
    assert!(room.state_event("m.room.name", "").unwrap().is_none());
    assert!(!room.is_joined(&bob).unwrap());
    world.assert_sound();
}

#[tokio::test]
async fn what_the_state_before_it_forbids_is_rejected_and_never_referred_to() {
    let Fork { world, room, bob, .. } = fork(RoomVersion::V12).await;
    let mallory = far("mallory");
    receive_join(&room, &mallory).await;
    let auth_events = auth(&room, &mallory, &[]);
    let attempt = Elsewhere { room: &room, sender: &mallory, prev: &[&last(&room)], auth: &auth_events };
    let pdu = attempt.make("m.room.name", Some(""), json!({ "name": "mine" }));
    assert!(matches!(room.receive(pdu.clone()).await.unwrap(), Received::Rejected(_)));
    assert!(matches!(room.receive(pdu).await.unwrap(), Received::Known(_)));
    assert!(room.state_event("m.room.name", "").unwrap().is_none());
    assert!(room.is_joined(&bob).unwrap());
    world.assert_sound();
}

#[tokio::test]
async fn only_so_many_rejected_events_are_kept() {
    let Fork { world, room, .. } = fork(RoomVersion::V12).await;
    let mallory = far("mallory");
    receive_join(&room, &mallory).await;
    let (auth_events, last) = (auth(&room, &mallory, &[]), last(&room));
    let mut rejected = Vec::new();
    for number in 0..150 {
        let attempt = Elsewhere { room: &room, sender: &mallory, prev: &[&last], auth: &auth_events };
        let pdu = attempt.make("m.room.name", Some(""), json!({ "name": number.to_string() }));
        assert!(matches!(room.receive(pdu.clone()).await.unwrap(), Received::Rejected(_)));
        rejected.push(pdu);
    }
    let kept = rejected.iter().filter(|pdu| room.event(pdu.event_id()).unwrap().is_some());
    assert_eq!(kept.count(), 100);
    // Those that are not are decided on anew.
    assert!(matches!(room.receive(rejected.remove(149)).await.unwrap(), Received::Rejected(_)));
    world.assert_sound();
}

#[tokio::test]
async fn an_event_waits_for_what_it_follows() {
    let Fork { world, room, alice, bob } = fork(RoomVersion::V12).await;
    let (base, auth) = (say(&room, &alice, "0").await.unwrap(), auth(&room, &bob, &[]));
    let first = Elsewhere { room: &room, sender: &bob, prev: &[&base], auth: &auth };
    let first = first.make("m.room.message", None, json!({ "body": "1" }));
    // Made on the first, which is not here yet.
    let text = Elsewhere { room: &room, sender: &bob, prev: &[&base], auth: &auth }
        .make("m.room.message", None, json!({ "body": "2" }))
        .text()
        .replace(base.id().as_str(), first.event_id().as_str());
    let second = hearth_spec::Pdu::parse(room.version(), &text).unwrap();
    match room.receive(second.clone()).await.unwrap() {
        Received::Missing { prev_events, auth_events } => {
            assert_eq!(prev_events, [first.event_id().to_owned()]);
            assert!(auth_events.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(room.receive(first).await.unwrap(), Received::Accepted(_)));
    assert!(matches!(room.receive(second).await.unwrap(), Received::Accepted(_)));
    world.assert_sound();
}

#[tokio::test]
async fn an_event_comes_in_with_the_state_that_a_peer_tells() {
    let Fork { world, room, alice, bob } = fork(RoomVersion::V12).await;
    let (base, auth) = (say(&room, &alice, "0").await.unwrap(), auth(&room, &bob, &[]));
    let text = Elsewhere { room: &room, sender: &bob, prev: &[&base], auth: &auth }
        .make("m.room.message", None, json!({ "body": "from beyond a gap" }))
        .text()
        .replace(base.id().as_str(), "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let pdu = hearth_spec::Pdu::parse(room.version(), &text).unwrap();
    let state: Vec<_> =
        room.full_state(room.head().state).unwrap().iter().map(|event| event.id().to_owned()).collect();
    assert!(matches!(room.receive_with_state(pdu, &state).await.unwrap(), Received::Accepted(_)));
    assert_eq!(room.head().extremities.len(), 2);
    world.assert_sound();
}
