//! Transactions that come again, in disorder, or tell two things under one name.

use hearth_spec::RoomVersion;
use serde_json::json;

use crate::{
    peer::Reply,
    report::Bounds,
    world::{World, outcome},
};

pub async fn all(world: &World) {
    world.attack("one event id with two bodies, both signed", Bounds::QUIET, two_bodies).await;
    world.attack("one event id, first without its content", Bounds::QUIET, redacted_twin).await;
    world.attack("a transaction id again with other events", Bounds::QUIET, same_transaction).await;
    world.attack("the same event in many transactions", Bounds::QUIET, same_event).await;
    world.attack("events in reverse order", Bounds::QUIET, reversed).await;
    world.attack("transactions in reverse order", Bounds::QUIET.requests(3), late).await;
}

/// In rooms of version 1 and 2 the id says nothing of the content. What came first stands.
async fn two_bodies(world: &World) -> String {
    let World { hostile, victim, .. } = world;
    let room = world.another_room(hostile, RoomVersion::V2).await;
    let first = hostile.draft(victim, &room, "m.room.message", json!({ "body": "first" })).await;
    let second = hostile.seal(first.clone().with("content", json!({ "body": "second" })));
    let first = hostile.seal(first);
    assert_eq!(first.id(), second.id());
    assert_eq!(world.send(&[&first, &second]).await, ["taken in", "taken in"]);
    assert_eq!(world.send(&[&second]).await, ["taken in"]);
    let shown = world.shown(&room, &first.id()).await.unwrap();
    assert_eq!(shown["content"]["body"], "first");
    assert!(!world.timeline(&room).await.contains("second"));
    "the first stands".to_owned()
}

async fn redacted_twin(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let whole = hostile.message(victim, room, "twin").await;
    let emptied = whole.clone().with("content", json!({}));
    assert_eq!(emptied.id(), whole.id());
    assert_eq!(world.send(&[&emptied]).await, ["taken in"]);
    assert_eq!(world.send(&[&whole]).await, ["taken in"]);
    assert_eq!(world.shown(room, &whole.id()).await.unwrap()["content"], json!({}));
    "the first stands".to_owned()
}

async fn same_transaction(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let first = hostile.message(victim, room, "first").await;
    let second = hostile.message(victim, room, "second").await;
    let answer = hostile.transaction_named(victim, "again", &[first.json()], &[]).await;
    let again = hostile.transaction_named(victim, "again", &[second.json()], &[]).await;
    assert_eq!((again.status, &again.body), (200, &answer.body));
    assert_eq!(outcome(&again, &second.id()), "left out");
    assert!(world.is_shown(room, &first).await && !world.is_shown(room, &second).await);
    "the answer of before".to_owned()
}

async fn same_event(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let message = hostile.message(victim, room, "again and again").await;
    assert_eq!(world.send(&[&message, &message, &message]).await[0], "taken in");
    for _ in 0..10 {
        assert_eq!(world.send(&[&message]).await, ["taken in"]);
    }
    assert_eq!(world.timeline(room).await.matches("again and again").count(), 1);
    "taken in once".to_owned()
}

async fn reversed(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let one = hostile.message(victim, room, "one").await;
    let draft = hostile.draft(victim, room, "m.room.message", json!({ "body": "next" })).await;
    let two = hostile.seal(draft.clone().after(&[one.id()]));
    let three = hostile.seal(draft.after(&[two.id()]));
    assert_eq!(world.send(&[&three, &two, &one]).await, ["taken in"; 3]);
    "taken in, in their order".to_owned()
}

/// The later one comes first: what it follows is asked for, and when that comes as well it is known.
async fn late(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let one = hostile.message(victim, room, "late").await;
    let draft = hostile.draft(victim, room, "m.room.message", json!({ "body": "early" })).await;
    let two = hostile.seal(draft.after(&[one.id()]));
    hostile.answers({
        let one = one.json();
        move |asked| {
            asked.path.contains("get_missing_events").then(|| Reply::Json(json!({ "events": [one] })))
        }
    });
    assert_eq!(world.send(&[&two]).await, ["taken in"]);
    assert_eq!(world.send(&[&one]).await, ["taken in"]);
    assert!(world.is_shown(room, &one).await && world.is_shown(room, &two).await);
    "taken in, in their order".to_owned()
}
