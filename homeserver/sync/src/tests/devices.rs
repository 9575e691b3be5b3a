//! Messages to devices, device lists, presence.

use std::collections::BTreeMap;

use hearth_storage::Position;
use ruma::{serde::Raw, to_device::DeviceIdOrAllDevices};

use super::*;

async fn message(world: &World, from: &Client, to: &Client, body: &str) {
    let content = Raw::from_json(to_raw_value(&json!({"body": body})).unwrap());
    let device = DeviceIdOrAllDevices::DeviceId(to.device.clone());
    let messages = BTreeMap::from([(to.user.clone(), BTreeMap::from([(device, content)]))]);
    world.users.to_device.send(&from.user, "org.example", &messages, None).await.unwrap();
}

fn told(response: &Value) -> Vec<String> {
    let events = response["to_device"]["events"].as_array();
    events.into_iter().flatten().map(|event| event["content"]["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_to_a_device_is_told_until_it_is_confirmed() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    bob.sync().await;
    let since = bob.since;
    message(&world, &alice, &bob, "one").await;
    assert_eq!(told(&bob.wait().await), ["one"]);
    bob.since = since;
    assert_eq!(told(&bob.wait().await), ["one"], "the response may have been lost");
    assert!(told(&bob.sync().await).is_empty());
    let waits = || world.users.to_device.has_any(&bob.user, &bob.device, Position(u64::MAX >> 1)).unwrap();
    while waits() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn many_messages_to_a_device_come_in_order_and_all() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    bob.sync().await;
    for n in 0..230 {
        message(&world, &alice, &bob, &n.to_string()).await;
    }
    let mut all = Vec::new();
    for _ in 0..4 {
        all.extend(told(&bob.sync().await));
    }
    let wanted: Vec<_> = (0..230).map(|n| n.to_string()).collect();
    assert_eq!(all, wanted);
}

#[tokio::test]
async fn whose_devices_changed_is_told_to_those_who_share_a_room() {
    let world = World::new();
    let (mut alice, bob, mut carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob]).await;
    alice.sync().await;
    carol.sync().await;
    world.users.devices.set_display_name(&bob.user, &bob.device, Some("phone")).await.unwrap();
    world.client(&bob.user, "NEW").await;
    let list = |response: &Value, key: &str| response["device_lists"][key].clone();
    let changes = world.users.device_keys.list_changes(Position(0), Position(u64::MAX >> 1), 9).unwrap();
    assert!(changes.contains(&bob.user), "a device without keys is one as well");
    assert_eq!(list(&alice.sync().await, "changed"), json!(["@bob:h.org"]));
    assert!(carol.sync().await.get("device_lists").is_none());
    carol.join(&room).await;
    assert_eq!(list(&alice.sync().await, "changed"), json!(["@carol:h.org"]));
    let everyone = json!(["@alice:h.org", "@bob:h.org", "@carol:h.org"]);
    assert_eq!(list(&carol.sync().await, "changed"), everyone);
    let other = world.client(&carol.user, "X").await;
    carol.set_membership(&room, &other, "leave").await;
    assert_eq!(list(&alice.sync().await, "left"), json!(["@carol:h.org"]));
    assert_eq!(list(&carol.sync().await, "left"), json!(["@alice:h.org", "@bob:h.org"]));
}

/// Who is invited is sent the keys of an encrypted room, as who is joined.
#[tokio::test]
async fn the_devices_of_who_is_invited_are_to_be_looked_at() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PrivateChat).await;
    alice.sync().await;
    alice.set_membership(&room, &bob, "invite").await;
    let response = alice.sync().await;
    assert_eq!(response["device_lists"]["changed"], json!(["@bob:h.org"]));
    bob.join(&room).await;
    assert_eq!(alice.sync().await["device_lists"]["changed"], json!(["@bob:h.org"]));
    alice.say(&room, "welcome").await;
    assert!(alice.sync().await.get("device_lists").is_none());
}

#[tokio::test]
async fn who_was_away_while_many_lists_changed_is_told_of_those_in_their_rooms_alone() {
    let world = World::new();
    let (mut alice, bob, zoe) = (world.user("alice").await, world.user("bob").await, world.user("zoe").await);
    alice.create_with(&[&bob]).await;
    alice.create_with(&[&zoe]).await;
    alice.sync().await;
    world.users.device_keys.remote_changed(&bob.user).await.unwrap();
    for n in 0..300 {
        let stranger = UserId::parse(format!("@stranger{n}:there.org")).unwrap();
        world.users.device_keys.remote_changed(&stranger).await.unwrap();
    }
    let since = alice.since;
    let list = |response: &Value| response["device_lists"]["changed"].clone();
    assert_eq!(list(&alice.sync().await), json!(["@bob:h.org"]), "as it was noted");
    world.clock.advance(11 * 60_000);
    world.sync.tidy();
    alice.since = since;
    assert_eq!(list(&alice.sync().await), json!(["@bob:h.org"]), "as it is stored");
}

#[tokio::test]
async fn key_counts_are_always_there() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    let response = alice.sync().await;
    assert!(response["device_one_time_keys_count"].is_object());
    assert!(response["device_unused_fallback_key_types"].is_array());
}

#[tokio::test]
async fn presence_is_told_to_those_who_share_a_room() {
    let world = World::with(SyncOptions::default());
    let (mut alice, mut bob, mut carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    alice.create_with(&[&bob]).await;
    alice.sync().await;
    carol.sync().await;
    bob.sync().await;
    let response = alice.wait().await;
    let event = &response["presence"]["events"][0];
    assert_eq!((&event["sender"], &event["content"]["presence"]), (&json!("@bob:h.org"), &json!("online")));
    world.sync.set_presence(&bob.user, &bob.device, PresenceState::Unavailable, Some("lunch".to_owned()));
    let response = alice.wait().await;
    assert_eq!(response["presence"]["events"][0]["content"]["status_msg"], "lunch");
    assert!(!carol.sync().await["presence"].to_string().contains("bob"));
    assert!(world.sync.shares_room(&alice.user, &bob.user).unwrap());
    assert!(!world.sync.shares_room(&alice.user, &carol.user).unwrap());
    world.clock.advance(60_000);
    world.sync.tidy();
    assert_eq!(world.sync.presence(&bob.user).map(|now| now.presence), Some(PresenceState::Offline));
}

#[tokio::test]
async fn presence_is_told_of_who_comes_into_view() {
    let world = World::with(SyncOptions::default());
    let (mut alice, mut bob, zoe) =
        (world.user("alice").await, world.user("bob").await, world.user("zoe").await);
    let room = alice.create_with(&[&zoe]).await;
    alice.sync().await;
    bob.sync().await;
    let senders = |response: &Value| -> Vec<String> {
        let events = response["presence"]["events"].as_array();
        events.into_iter().flatten().map(|event| event["sender"].as_str().unwrap().to_owned()).collect()
    };
    // Their own presence, which changed last, is not in question.
    assert!(!senders(&alice.sync().await).contains(&"@bob:h.org".to_owned()));
    bob.join(&room).await;
    // Of Zoe nothing is known.
    assert_eq!(senders(&alice.sync().await), ["@bob:h.org"]);
    assert_eq!(senders(&bob.sync().await), ["@alice:h.org"]);
    assert_eq!(senders(&alice.sync().await), [""; 0]);
    assert_eq!(senders(&bob.sync().await), [""; 0]);
}
