//! What pushers are told.

mod badges;
mod gateways;
mod mails;

use std::time::Duration;

use hearth_rooms::{NewEvent, OutOfRoom};
use hearth_spec::RoomVersion;
use hearth_storage::{Position, StoreOptions, schema::rooms::Membership};
use ruma::{OwnedUserId, RoomVersionId, push::RuleKind, room_id, user_id};
use serde_json::{Map, Value, json};

use super::testing::{Answer, Gateways, World};

const HOST: &str = "push.example";

/// Alice and Bob in a room with a third; Bob has a pusher.
async fn alice_and_bob(world: &World) -> (OwnedUserId, OwnedUserId, hearth_rooms::Room) {
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room(&alice, &[&bob, &carol]).await;
    world.gateways.serve(HOST, || Answer::Take);
    world.push_to(&bob, "key", HOST).await;
    (alice, bob, room)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_told_with_all_that_there_is_to_say_of_it() {
    let world = World::new();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room(&alice, &[&bob, &carol]).await;
    world.gateways.serve(HOST, || Answer::Take);
    world.push(&bob, "key", HOST, json!({"brand": "x"}), true).await;
    let name = NewEvent::state_json(&alice, "m.room.name", "", &json!({"name": "Tea"})).unwrap();
    room.send(name, None).await.unwrap();
    let content = json!({"msgtype": "m.text", "body": "you!", "m.mentions": {"user_ids": [bob]}});
    let event = world.send(&alice, &room, content.clone()).await;
    world.say(&bob, &room, "mine").await;
    world.settle().await;
    let took = world.gateways.took(HOST);
    assert_eq!(took.len(), 1, "{took:?}");
    let expected = json!({
        "event_id": event.id(), "room_id": room.id(), "type": "m.room.message", "sender": alice,
        "room_name": "Tea", "prio": "high", "content": content,
        "counts": {"unread": 1},
        "devices": [{
            "app_id": "app", "pushkey": "key", "pushkey_ts": 1_700_000_000, "data": {"brand": "x"},
            "tweaks": {"highlight": true, "sound": "default"},
        }],
    });
    let told = without_default(&took[0]);
    assert_eq!(told, expected);
    let low = world.say(&carol, &room, "hello").await;
    world.settle().await;
    let took = world.gateways.took(HOST);
    assert_eq!((&took[1]["event_id"], &took[1]["prio"]), (&json!(low.id()), &json!("low")));
}

/// What is high is not said.
fn without_default(notification: &Value) -> Value {
    let mut notification = notification.clone();
    if notification["prio"].is_null() {
        notification["prio"] = "high".into();
    }
    notification
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_ids_only_gets_no_more() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.push(&bob, "key", HOST, json!({"format": "event_id_only"}), true).await;
    let event = world.say(&alice, &room, "secret").await;
    world.settle().await;
    let expected = json!({
        "event_id": event.id(), "room_id": room.id(), "prio": "low", "counts": {"unread": 1},
        "devices": [{
            "app_id": "app", "pushkey": "key", "pushkey_ts": 1_700_000_000, "data": {"format": "event_id_only"},
        }],
    });
    assert_eq!(world.gateways.took(HOST), [expected]);
}

#[tokio::test(start_paused = true)]
async fn what_is_redacted_or_from_someone_ignored_or_before_the_pusher_is_not_told() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.settle().await;
    // While nothing is told.
    world.gateways.serve(HOST, || Answer::Fail);
    let gone = world.say(&alice, &room, "gone").await;
    world.settle_for(Duration::from_millis(10)).await;
    world.redact(&alice, &room, &gone).await;
    world.gateways.serve(HOST, || Answer::Take);
    world.settle().await;
    assert_eq!(world.gateways.told(HOST), [""; 0]);
    let ignored = serde_json::value::to_raw_value(&json!({"ignored_users": {"@carol:h.org": {}}})).unwrap();
    world.users.account_data.set(&bob, None, "m.ignored_user_list", &ignored).await.unwrap();
    world.say(user_id!("@carol:h.org"), &room, "ignored").await;
    let told = world.say(&alice, &room, "told").await;
    world.push_to(&bob, "second", "other.example").await;
    world.gateways.serve("other.example", || Answer::Take);
    world.settle().await;
    assert_eq!(world.gateways.told(HOST), [told.id().as_str()]);
    assert_eq!(world.gateways.told("other.example"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pusher_that_is_turned_off_is_told_nothing_also_not_later() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.push(&bob, "key", HOST, json!({}), false).await;
    world.say(&alice, &room, "unheard").await;
    world.settle().await;
    assert_eq!(world.gateways.asked(), 0);
    world.push(&bob, "key", HOST, json!({}), true).await;
    let heard = world.say(&alice, &room, "heard").await;
    world.settle().await;
    assert_eq!(world.gateways.told(HOST), [heard.id().as_str()]);
}

#[tokio::test(start_paused = true)]
async fn invites_are_told_also_to_rooms_that_are_not_here() {
    let world = World::new();
    let (alice, bob, _) = alice_and_bob(&world).await;
    let other = world.room(&alice, &[]).await;
    let invite = other.set_membership(&alice, &bob, "invite", Map::new()).await.unwrap();
    world.settle().await;
    let took = world.gateways.took(HOST);
    assert_eq!(took[0]["event_id"], invite.id().as_str());
    assert_eq!((&took[0]["user_is_target"], &took[0]["counts"]["unread"]), (&json!(true), &json!(1)));

    let there = room_id!("!there:there.org");
    let event = json!({
        "type": "m.room.member", "state_key": bob, "sender": "@dan:there.org", "room_id": there,
        "content": {"membership": "invite"}, "origin_server_ts": 7, "depth": 1,
        "auth_events": [], "prev_events": [], "hashes": {"sha256": "aGFzaA"}, "signatures": {},
    });
    let version = RoomVersion::of(&RoomVersionId::V11).unwrap();
    let stripped = json!([
        {"type": "m.room.name", "state_key": "", "sender": "@dan:there.org", "content": {"name": "There"}},
    ]);
    let note = OutOfRoom {
        room_id: there.to_owned(),
        version,
        event: hearth_spec::Pdu::parse(version, &event.to_string()).unwrap(),
        user: bob.clone(),
        membership: Membership::Invite,
        stripped_state: Some(stripped.to_string()),
    };
    world.rooms.note_membership(note).await.unwrap();
    world.settle().await;
    let took = world.gateways.took(HOST);
    assert_eq!(took.len(), 2);
    assert_eq!((&took[1]["room_id"], &took[1]["room_name"]), (&json!(there), &json!("There")));
    assert_eq!(took[1]["counts"]["unread"], 2);
    // Answered, they are no longer unread.
    world.rooms.join(&other, &bob, Map::new()).await.unwrap();
    world.settle().await;
    assert_eq!(world.gateways.took(HOST).last().unwrap()["counts"]["unread"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_while_the_log_was_too_short_is_told() {
    let gateways = Gateways::default();
    let engine = hearth_storage::MemoryEngine::new();
    let options = StoreOptions { log_bytes: 2000, recent_changes: 16, ..StoreOptions::default() };
    let mut world = World::on(engine, gateways, options);
    world.start();
    let (alice, _, room) = alice_and_bob(&world).await;
    world.settle().await;
    world.pushes.take().unwrap().stop().await;
    let mut said = Vec::new();
    for n in 0..60 {
        said.push(world.say(&alice, &room, &n.to_string()).await.id().to_string());
    }
    world.start();
    world.settle().await;
    assert_eq!(world.gateways.told(HOST), said);
}

#[tokio::test(start_paused = true)]
async fn notifications_are_kept_up_to_a_bound_and_the_oldest_go_first() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.settle().await;
    world.gateways.serve(HOST, || Answer::Hang);
    let mut last = None;
    for n in 0..super::MAX_NOTIFICATIONS + 350 {
        last = Some(world.say(&alice, &room, &n.to_string()).await);
        if n % 100 == 0 {
            world.settle_for(Duration::ZERO).await;
        }
    }
    world.settle().await;
    let notifications = world.pushes.as_ref().unwrap().notifications();
    let all = notifications.newest(&bob, (Position(0), Position(u64::MAX - 1)), false, usize::MAX).unwrap();
    assert!(
        (super::MAX_NOTIFICATIONS..=super::MAX_NOTIFICATIONS + 100).contains(&all.len()),
        "{}",
        all.len()
    );
    assert_eq!(all[0].row.event, last.unwrap().nid);
    let since = notifications.indexed_since(&bob).unwrap().unwrap();
    assert!(all.iter().all(|notification| notification.position > since));
    // Without pushers nothing is kept.
    world.users.pushers.delete(&bob, "app", "key").await.unwrap();
    world.settle().await;
    assert_eq!(notifications.indexed_since(&bob).unwrap(), None);
    let all = notifications.newest(&bob, (Position(0), Position(u64::MAX - 1)), false, usize::MAX).unwrap();
    assert!(all.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_muted_is_not_told() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    let rules = &world.users.push_rules;
    rules.set_enabled(&bob, RuleKind::Underride, ".m.rule.message", false).await.unwrap();
    world.say(&alice, &room, "quiet").await;
    let loud = json!({"msgtype": "m.text", "body": "loud", "m.mentions": {"user_ids": [bob]}});
    let loud = world.send(&alice, &room, loud).await;
    world.settle().await;
    assert_eq!(world.gateways.told(HOST), [loud.id().as_str()]);
}
