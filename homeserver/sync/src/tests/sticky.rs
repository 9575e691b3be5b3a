//! Sticky events (MSC4354).

use super::*;

const MINUTE: u32 = 60_000;

pub(super) async fn stick(client: &Client, room: &Room, body: &str) -> Arc<Event> {
    let content = to_raw_value(&json!({"body": body})).unwrap();
    let event = NewEvent::message(&client.user, "m.rtc.member", content);
    room.send(NewEvent { sticky: Some(10 * MINUTE), ..event }, None).await.unwrap()
}

fn sticky(response: &Value, room: &Room) -> Vec<String> {
    let events = joined(response, room)["msc4354_sticky"]["events"].as_array();
    let bodies = events.into_iter().flatten().map(|event| event["content"]["body"].as_str().unwrap());
    bodies.map(str::to_owned).collect()
}

#[tokio::test]
async fn they_are_told_once_whether_or_not_the_timeline_reaches_them() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    alice.filter = json!({"room": {"timeline": {"limit": 2}}});
    let room = alice.create_with(&[&bob]).await;
    alice.sync().await;
    stick(&bob, &room, "early").await;
    for n in 0..3 {
        bob.say(&room, &n.to_string()).await;
    }
    stick(&bob, &room, "late").await;
    let response = alice.sync().await;
    assert_eq!(bodies(&response, &room), ["2", "late"]);
    assert_eq!(sticky(&response, &room), ["early"], "what the timeline tells is not told twice");
    let event = &joined(&response, &room)["msc4354_sticky"]["events"][0];
    assert_eq!(event["msc4354_sticky"], json!({"duration_ms": 10 * MINUTE}));
    assert_eq!(event["unsigned"]["msc4354_sticky_duration_ttl_ms"], 10 * MINUTE);
    let timeline = &joined(&response, &room)["timeline"]["events"][1];
    assert_eq!(timeline["unsigned"]["msc4354_sticky_duration_ttl_ms"], 10 * MINUTE);
    bob.say(&room, "more").await;
    assert!(sticky(&alice.sync().await, &room).is_empty());
}

#[tokio::test]
async fn who_joins_is_told_of_all_that_are_sticky_still() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PublicChat).await;
    alice.set(&room, "m.room.history_visibility", "", json!({"history_visibility": "joined"})).await;
    stick(&alice, &room, "over").await;
    world.clock.advance(10 * u64::from(MINUTE));
    stick(&alice, &room, "before").await;
    world.clock.advance(1_000);
    let mut bob = bob;
    bob.sync().await;
    bob.join(&room).await;
    let response = bob.sync().await;
    assert!(bodies(&response, &room).is_empty(), "who joins does not see what was said before");
    assert_eq!(sticky(&response, &room), ["before"]);
    let event = &joined(&response, &room)["msc4354_sticky"]["events"][0];
    assert_eq!(event["unsigned"]["msc4354_sticky_duration_ttl_ms"], 10 * MINUTE - 1_000);
    // Another device that comes new as well.
    let mut new = world.client(&bob.user, "NEW").await;
    assert_eq!(sticky(&new.sync().await, &room), ["before"]);
}

#[tokio::test]
async fn a_filter_of_the_timeline_is_not_one_of_sticky_events() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    alice.filter = json!({"room": {"timeline": {"types": ["m.room.message"]}}});
    let room = alice.create_with(&[&bob]).await;
    alice.sync().await;
    stick(&bob, &room, "sticky").await;
    let response = alice.sync().await;
    assert!(bodies(&response, &room).is_empty());
    assert_eq!(sticky(&response, &room), ["sticky"]);
}

#[tokio::test]
async fn those_of_who_is_ignored_are_kept_from_the_user() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let ignored = to_raw_value(&json!({"ignored_users": {"@bob:h.org": {}}})).unwrap();
    world.users.account_data.set(&alice.user, None, "m.ignored_user_list", &ignored).await.unwrap();
    alice.sync().await;
    stick(&bob, &room, "unheard").await;
    assert!(sticky(&alice.sync().await, &room).is_empty());
    assert!(alice.world.sync.reached(world.rooms.store().published()).await.is_ok());
}
