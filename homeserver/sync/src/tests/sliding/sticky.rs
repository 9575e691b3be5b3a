//! Sticky events by sliding sync (MSC4480).

use super::*;
use crate::tests::sticky::stick;

const EXTENSION: &str = "org.matrix.msc4354.sticky_events";

/// A list of which one room is in view.
fn asking(since: Option<&str>, limit: u64) -> Value {
    let mut body = window(0);
    body["lists"]["all"]["timeline_limit"] = json!(1);
    body["extensions"] = json!({EXTENSION: {"enabled": true, "limit": limit, "since": since}});
    body
}

/// What the sticky events of a room say.
fn sticky(response: &Value, room: &Room) -> Vec<String> {
    let events = response["extensions"][EXTENSION]["rooms"][room.id().as_str()]["events"].as_array();
    let bodies = events.into_iter().flatten().map(|event| event["content"]["body"].as_str().unwrap());
    bodies.map(str::to_owned).collect()
}

fn token(response: &Value) -> Option<&str> {
    response["extensions"][EXTENSION]["next_batch"].as_str()
}

#[tokio::test]
async fn those_of_all_listed_rooms_are_told_until_their_token_comes_back() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (hidden, seen) = (alice.create_with(&[&bob]).await, alice.create_with(&[&bob]).await);
    stick(&bob, &hidden, "hidden").await;
    alice.say(&seen, "newer").await;
    let mut slider = alice.slider(asking(None, 100));
    let first = slider.sync().await;
    assert_eq!(room_ids(&first), [seen.id()]);
    assert_eq!(sticky(&first, &hidden), ["hidden"], "out of view and told");
    assert_eq!(sticky(&slider.sync().await, &hidden), ["hidden"], "the position confirms nothing");
    slider.body = asking(token(&first), 100);
    assert!(sticky(&slider.sync().await, &hidden).is_empty());

    stick(&bob, &hidden, "next").await;
    let response = slider.wait().await;
    assert_eq!(
        sticky(&response, &hidden),
        Vec::<String>::new(),
        "it came into view, and its timeline tells it"
    );
    assert_eq!(part(&response, &hidden)["timeline"][0]["content"]["body"], "next");
    assert!(
        part(&response, &hidden)["timeline"][0]["unsigned"]["msc4354_sticky_duration_ttl_ms"].is_number()
    );
    slider.body = asking(token(&response), 100);
    slider.sync().await;
    stick(&bob, &hidden, "one").await;
    stick(&bob, &hidden, "two").await;
    let response = slider.wait().await;
    assert_eq!(sticky(&response, &hidden), ["one"]);
    slider.body = asking(Some("nonsense"), 100);
    assert!(matches!(slider.try_sync(Duration::ZERO).await, Err(SyncError::InvalidRequest(_))));
}

#[tokio::test]
async fn the_oldest_come_first_and_the_rest_after_them() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rooms = [alice.create_with(&[&bob]).await, alice.create_with(&[&bob]).await];
    for n in 0..6 {
        stick(&bob, &rooms[n % 2], &n.to_string()).await;
    }
    let view = alice.create(Preset::PublicChat).await;
    let mut slider = alice.slider(asking(None, 4));
    let response = slider.sync().await;
    assert_eq!(room_ids(&response), [view.id()]);
    assert_eq!(
        (sticky(&response, &rooms[0]), sticky(&response, &rooms[1])),
        (vec!["0".into(), "2".into()], vec!["1".into(), "3".into()])
    );
    slider.body = asking(token(&response), 4);
    let response = slider.sync().await;
    assert_eq!(
        (sticky(&response, &rooms[0]), sticky(&response, &rooms[1])),
        (vec!["4".into()], vec!["5".into()])
    );
    slider.body = asking(token(&response), 4);
    assert!(slider.sync().await["extensions"][EXTENSION].get("rooms").is_none());
}

#[tokio::test]
async fn who_joins_is_told_of_those_from_before() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PublicChat).await;
    for n in 0..3 {
        stick(&alice, &room, &n.to_string()).await;
    }
    let mut slider = bob.slider(asking(None, 1));
    let first = slider.sync().await;
    slider.body = asking(token(&first), 1);
    bob.join(&room).await;
    let response = slider.wait().await;
    assert_eq!(sticky(&response, &room), ["0", "1", "2"], "they could be told first at the same time");
    slider.body = asking(token(&response), 1);
    assert!(sticky(&slider.sync().await, &room).is_empty());
}

#[tokio::test]
async fn a_room_that_no_list_asks_for_tells_nothing() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    stick(&bob, &room, "sticky").await;
    let mut body = asking(None, 100);
    body["lists"] = json!({});
    let mut slider = alice.slider(body.clone());
    assert!(sticky(&slider.sync().await, &room).is_empty());
    body["room_subscriptions"] = subscription(&room, 0, json!([]))["room_subscriptions"].clone();
    let mut slider = alice.slider(body);
    assert_eq!(sticky(&slider.sync().await, &room), ["sticky"]);
}
