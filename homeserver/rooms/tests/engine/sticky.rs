//! Sticky events: for how long, and what becomes of those that come late.

use std::sync::Arc;

use crate::world::*;
use hearth_rooms::{Event, NewEvent, Received, Room};
use hearth_spec::{EventTemplate, Pdu, RoomVersion};
use hearth_storage::{Position, Scan, schema, timers::Timers};
use ruma::UserId;
use serde_json::{Map, json, value::to_raw_value};

const MINUTE: u32 = 60_000;

async fn send(room: &Room, sender: &UserId, body: &str, sticky: u32) -> Arc<Event> {
    let content = to_raw_value(&json!({ "body": body })).unwrap();
    let event = NewEvent::message(sender, "m.rtc.member", content);
    room.send(NewEvent { sticky: Some(sticky), ..event }, None).await.unwrap()
}

/// What the sticky events of a room say.
fn sticky(room: &Room) -> Vec<String> {
    let events = room.sticky_since(Position(0), Position(u64::MAX)).unwrap();
    let body = |event: &Event| {
        let content: serde_json::Value = serde_json::from_str(event.pdu.content_str()).unwrap();
        content["body"].as_str().unwrap().to_owned()
    };
    events.iter().map(|sticky| body(&sticky.event)).collect()
}

/// The events that a member's event names.
fn auth(room: &Room, sender: &UserId, more: &[(&str, &str)]) -> Vec<Arc<Event>> {
    let mut keys = vec![("m.room.power_levels", ""), ("m.room.member", sender.as_str())];
    keys.extend(more);
    keys.into_iter().filter_map(|(kind, key)| room.state_event(kind, key).unwrap()).collect()
}

/// A sticky event as another server makes it.
fn theirs(room: &Room, sender: &UserId, prev: &Event, auth: &[Arc<Event>], body: &str) -> Pdu {
    let elsewhere = Elsewhere { room, sender, prev: &[prev], auth };
    let template = elsewhere.template("m.rtc.member", None, json!({ "body": body }));
    elsewhere.seal(EventTemplate { sticky: Some(10 * MINUTE), ..template })
}

async fn receive_join(room: &Room, user: &UserId) -> Arc<Event> {
    let auth = auth(room, user, &[("m.room.join_rules", "")]);
    let prev = room.timeline(hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() });
    let elsewhere = Elsewhere { room, sender: user, prev: &[&prev.unwrap()[0]], auth: &auth };
    let pdu = elsewhere.make("m.room.member", Some(user.as_str()), json!({ "membership": "join" }));
    match room.receive(pdu).await.unwrap() {
        Received::Accepted(event) => event,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_is_sticky_for_as_long_as_it_says() {
    let (world, alice) = (world(), user("alice"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let first = send(&room, &alice, "first", 2 * MINUTE).await;
    say(&room, &alice, "not sticky").await.unwrap();
    send(&room, &alice, "second", 5 * MINUTE).await;
    assert_eq!(sticky(&room), ["first", "second"]);
    assert_eq!(room.sticky_for(&first).unwrap(), Some(2 * u64::from(MINUTE)));
    assert_eq!(world.rooms.rooms_with_sticky().unwrap(), [room.nid()]);
    world.clock.advance(2 * u64::from(MINUTE));
    assert_eq!(sticky(&room), ["second"]);
    assert_eq!(room.sticky_for(&first).unwrap(), None);
    world.assert_sound();
}

#[tokio::test]
async fn what_is_redacted_is_not_sticky() {
    let (world, alice) = (world(), user("alice"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let event = send(&room, &alice, "oops", MINUTE).await;
    let redaction = NewEvent {
        redacts: Some(event.id().to_owned()),
        ..NewEvent::message(&alice, "m.room.redaction", to_raw_value(&json!({})).unwrap())
    };
    room.send(redaction, None).await.unwrap();
    assert!(sticky(&room).is_empty());
    world.assert_sound();
}

#[tokio::test]
async fn what_is_no_longer_sticky_is_deleted() {
    let (world, alice) = (world(), user("alice"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    send(&room, &alice, "one", MINUTE).await;
    let mut timers = Timers::new(world.rooms.store().clone(), world.clock.clone());
    world.rooms.handle_timers(&mut timers);
    let rows = || world.rooms.store().view().scan(&schema::STICKY, Scan::all()).count();
    let ticking = timers.start();
    tokio::task::yield_now().await;
    assert_eq!(rows(), 1);
    world.clock.advance(2 * 60 * u64::from(MINUTE));
    while rows() > 0 {
        tokio::task::yield_now().await;
    }
    drop(ticking);
    assert!(world.rooms.rooms_with_sticky().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_refused_is_taken_in_when_its_sender_is_in_the_room() {
    let (world, alice, bob) = (world(), user("alice"), far("bob"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let join = receive_join(&room, &bob).await;
    let before = auth(&room, &bob, &[]);
    room.set_membership(&alice, &bob, "leave", Map::new()).await.unwrap();
    let late = theirs(&room, &bob, &join, &before, "late");
    let id = late.event_id().to_owned();
    assert!(matches!(room.receive(late).await.unwrap(), Received::SoftFailed(..)));
    assert!(sticky(&room).is_empty());
    receive_join(&room, &bob).await;
    assert_eq!(sticky(&room), ["late"]);
    let event = room.event(&id).unwrap().unwrap();
    assert!(event.order().is_some(), "clients are told of it as if it had just come");
    assert!(room.is_joined(&bob).unwrap());
    world.assert_sound();
}

#[tokio::test]
async fn what_is_no_longer_sticky_stays_refused() {
    let (world, alice, bob) = (world(), user("alice"), far("bob"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let join = receive_join(&room, &bob).await;
    let before = auth(&room, &bob, &[]);
    room.set_membership(&alice, &bob, "leave", Map::new()).await.unwrap();
    room.receive(theirs(&room, &bob, &join, &before, "late")).await.unwrap();
    world.clock.advance(10 * u64::from(MINUTE));
    receive_join(&room, &bob).await;
    assert!(sticky(&room).is_empty());
    world.assert_sound();
}

#[tokio::test]
async fn history_that_is_sticky_is_news() {
    let (world, alice, bob) = (world(), user("alice"), far("bob"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let join = receive_join(&room, &bob).await;
    let named = auth(&room, &bob, &[]);
    let missed = theirs(&room, &bob, &join, &named, "missed");
    let follows = Elsewhere { room: &room, sender: &bob, prev: &[&join], auth: &named };
    let mut template = follows.template("m.room.message", None, json!({ "body": "after" }));
    template.prev_events = vec![missed.event_id().to_owned()];
    let state = room.full_state(room.head().state).unwrap();
    let state: Vec<_> = state.iter().map(|event| event.id().to_owned()).collect();
    room.receive_with_state(follows.seal(template), &state).await.unwrap();
    let published = world.rooms.store().published();
    room.take_in_history(vec![missed], &[]).await.unwrap();
    let news = room.sticky_since(published, Position(u64::MAX)).unwrap();
    assert_eq!(news.len(), 1);
    assert_eq!(room.gap_within(None, hearth_storage::TimelineOrder::MAX).unwrap(), None);
    world.assert_sound();
}

#[tokio::test]
async fn only_so_much_of_a_room_is_sticky() {
    let (world, alice) = (world(), user("alice"));
    let room = world.public_room(&alice, RoomVersion::V12).await;
    let large = "x".repeat(60_000);
    for _ in 0..80 {
        send(&room, &alice, &large, MINUTE).await;
    }
    let kept = sticky(&room).len();
    assert!((60..80).contains(&kept), "{kept} of 60 kB within 4 MiB");
    // When they are not any more, there is room again.
    world.clock.advance(u64::from(MINUTE));
    send(&room, &alice, "small", MINUTE).await;
    assert_eq!(sticky(&room), ["small"]);
}
