//! What is asked for besides rooms.

use std::collections::BTreeMap;

use ruma::{events::AnyToDeviceEventContent, serde::Raw, to_device::DeviceIdOrAllDevices};

use super::*;

/// A list of all rooms, and extensions.
fn with(extensions: Value) -> Value {
    let mut body = window(9);
    body["extensions"] = extensions;
    body
}

async fn send_to(client: &Client, sender: &Client, n: u64) {
    let content: Raw<AnyToDeviceEventContent> = serde_json::from_value(json!({"n": n})).unwrap();
    let devices = BTreeMap::from([(DeviceIdOrAllDevices::DeviceId(client.device.clone()), content)]);
    let messages = BTreeMap::from([(client.user.clone(), devices)]);
    client.world.users.to_device.send(&sender.user, "org.test", &messages, None).await.unwrap();
}

fn numbers(response: &Value) -> Vec<u64> {
    let events = response["extensions"]["to_device"]["events"].as_array();
    events.into_iter().flatten().map(|event| event["content"]["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn messages_to_the_device_are_told_until_their_own_token_comes_back() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let asked = |since: Option<&str>| json!({"extensions": {"to_device": {"enabled": true, "limit": 2, "since": since}}});
    let mut slider = alice.slider(asked(None));
    let first = slider.sync().await;
    assert!(first["extensions"]["to_device"]["next_batch"].is_string());
    for n in 0..3 {
        send_to(&alice, &bob, n).await;
    }
    let response = slider.wait().await;
    assert_eq!(numbers(&response), [0, 1]);
    let response = slider.sync().await;
    assert_eq!(numbers(&response), [0, 1], "the position confirms nothing");
    slider.body = asked(response["extensions"]["to_device"]["next_batch"].as_str());
    let response = slider.sync().await;
    assert_eq!(numbers(&response), [2]);
    slider.body = asked(response["extensions"]["to_device"]["next_batch"].as_str());
    assert!(numbers(&slider.sync().await).is_empty());
    slider.body = asked(Some("nonsense"));
    assert!(matches!(slider.try_sync(Duration::ZERO).await, Err(SyncError::InvalidRequest(_))));
}

#[tokio::test]
async fn devices_of_all_rooms_are_told_of_in_view_or_not() {
    let world = World::new();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob]).await;
    let mut slider = alice.slider(json!({"extensions": {"e2ee": {"enabled": true}}}));
    let first = slider.sync().await;
    assert!(first["extensions"]["e2ee"].get("device_lists").is_none());
    assert!(first["extensions"]["e2ee"]["device_one_time_keys_count"].is_object());
    assert!(first["extensions"]["e2ee"]["device_unused_fallback_key_types"].is_array());
    carol.join(&room).await;
    let response = slider.wait().await;
    assert_eq!(
        response["extensions"]["e2ee"]["device_lists"],
        json!({"changed": ["@carol:h.org"], "left": []})
    );
    bob.set_membership(&room, &bob, "leave").await;
    let response = slider.sync().await;
    assert_eq!(
        response["extensions"]["e2ee"]["device_lists"],
        json!({"changed": [], "left": ["@bob:h.org"]})
    );
    assert!(slider.sync().await["extensions"]["e2ee"].get("device_lists").is_none());
}

#[tokio::test]
async fn account_data_is_told_whole_and_then_what_changes() {
    let world = World::new();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    let data = &world.users.account_data;
    let content = |n: u64| to_raw_value(&json!({"n": n})).unwrap();
    data.set(&alice.user, None, "org.a", &content(1)).await.unwrap();
    data.set(&alice.user, Some(room.id()), "org.r", &content(1)).await.unwrap();
    let mut slider = alice.slider(with(json!({"account_data": {"enabled": true}})));
    let told = |response: &Value| {
        let part = &response["extensions"]["account_data"];
        let types = |list: &Value| -> Vec<String> {
            let items = list.as_array().into_iter().flatten();
            items.map(|item| item["type"].as_str().unwrap().to_owned()).collect()
        };
        (types(&part["global"]), types(&part["rooms"][room.id().as_str()]))
    };
    let none = Vec::<String>::new();
    assert_eq!(
        told(&slider.sync().await),
        (vec!["org.a".into(), "m.push_rules".into()], vec!["org.r".into()])
    );
    assert_eq!(told(&slider.sync().await), (none.clone(), none.clone()));
    data.set(&alice.user, None, "org.b", &content(2)).await.unwrap();
    assert_eq!(told(&slider.wait().await), (vec!["org.b".into()], none.clone()));
    data.set(&alice.user, Some(room.id()), "org.s", &content(2)).await.unwrap();
    assert_eq!(told(&slider.sync().await), (none.clone(), vec!["org.s".into()]));
    // Turned off and on again, all is told.
    slider.body = window(9);
    slider.sync().await;
    slider.body = with(json!({"account_data": {"enabled": true}}));
    let (global, of_room) = told(&slider.sync().await);
    assert_eq!((global.len(), of_room.len()), (3, 2));
}

#[tokio::test]
async fn receipts_are_told_at_the_events_that_are_and_then_as_they_come() {
    let world = World::new();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob, &carol]).await;
    let old = alice.say(&room, "old").await;
    for n in 0..5 {
        alice.say(&room, &n.to_string()).await;
    }
    let last = alice.say(&room, "last").await;
    bob.read(&room, "m.read", None, &old).await;
    carol.read(&room, "m.read", None, &last).await;
    carol.read(&room, "m.read.private", None, &last).await;
    alice.read(&room, "m.read.private", None, &old).await;
    let mut slider = alice.slider(with(json!({"receipts": {"enabled": true, "rooms": ["*"]}})));
    let response = slider.sync().await;
    let of_room = |response: &Value| response["extensions"]["receipts"]["rooms"][room.id().as_str()].clone();
    let event = of_room(&response);
    assert_eq!(event["type"], "m.receipt");
    let readers = |event: &Value, at: &Event, receipt_type: &str| -> Vec<String> {
        let users = event["content"][at.id().as_str()][receipt_type].as_object();
        users.into_iter().flatten().map(|(user, _)| user.clone()).collect()
    };
    assert_eq!(readers(&event, &last, "m.read"), ["@carol:h.org"]);
    assert!(readers(&event, &last, "m.read.private").is_empty());
    assert_eq!(readers(&event, &old, "m.read.private"), ["@alice:h.org"]);
    assert!(readers(&event, &old, "m.read").is_empty(), "not in the timeline");
    bob.read(&room, "m.read", Some("main"), &last).await;
    let response = slider.wait().await;
    assert!(room_ids(&response).is_empty());
    let bob = &of_room(&response)["content"][last.id().as_str()]["m.read"]["@bob:h.org"];
    assert_eq!(bob["thread_id"], "main");
    assert!(of_room(&slider.sync().await).is_null());
}

#[tokio::test]
async fn who_types_is_told() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    let mut slider = alice.slider(with(json!({"typing": {"enabled": true}})));
    assert!(slider.sync().await["extensions"].get("typing").is_none());
    world.sync.set_typing(&room, &bob.user, Some(Duration::from_secs(10)));
    let typing = |response: &Value| {
        response["extensions"]["typing"]["rooms"][room.id().as_str()]["content"]["user_ids"].clone()
    };
    assert_eq!(typing(&slider.wait().await), json!(["@bob:h.org"]));
    assert_eq!(typing(&slider.sync().await), json!(null));
    world.sync.set_typing(&room, &bob.user, None);
    assert_eq!(typing(&slider.sync().await), json!([]));
    // Only for the rooms that it is asked for.
    slider.body = with(json!({"typing": {"enabled": true, "lists": [], "rooms": []}}));
    world.sync.set_typing(&room, &bob.user, Some(Duration::from_secs(10)));
    assert_eq!(typing(&slider.sync().await), json!(null));
}

#[tokio::test]
async fn thread_subscriptions_are_told_the_newest_first() {
    let world = World::new();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    let threads = &world.users.thread_subscriptions;
    let mut roots = Vec::new();
    for n in 0..3 {
        let root = alice.say(&room, &n.to_string()).await;
        threads.subscribe(&alice.user, room.id(), root.id(), None).await.unwrap();
        roots.push(root);
    }
    let asked = json!({"io.element.msc4308.thread_subscriptions": {"enabled": true, "limit": 2}});
    let mut slider = alice.slider(with(asked));
    let told = |response: &Value| response["extensions"]["io.element.msc4308.thread_subscriptions"].clone();
    let first = told(&slider.sync().await);
    let subscribed = first["subscribed"][room.id().as_str()].as_object().unwrap();
    assert_eq!(subscribed.len(), 2);
    assert_eq!(subscribed[roots[2].id().as_str()]["automatic"], false);
    assert!(first["prev_batch"].is_string());
    assert!(told(&slider.sync().await).is_null());
    threads.unsubscribe(&alice.user, room.id(), roots[0].id()).await.unwrap();
    let response = told(&slider.wait().await);
    assert!(response["unsubscribed"][room.id().as_str()][roots[0].id().as_str()]["bump_stamp"].is_u64());
    assert!(response.get("subscribed").is_none() && response.get("prev_batch").is_none());
}

#[tokio::test]
async fn profiles_of_who_is_in_view_are_told_and_what_changes_in_them() {
    const STATUS: &str = "org.matrix.msc4426.status";
    let world = World::new();
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let set = async |who: &Client, field: &str, value: Value| {
        world.users.profiles.set(&who.user, field, &to_raw_value(&value).unwrap()).await.unwrap();
    };
    let told = |response: &Value, of: &Client| {
        let users = response["extensions"]["org.matrix.msc4262.profiles"]["users"].as_object().cloned();
        users.and_then(|mut users| users.remove(of.user.as_str()))
    };
    set(&bob, STATUS, json!({"text": "there"})).await;
    set(&bob, "m.tz", json!("UTC")).await;
    let room = alice.create_with(&[&bob]).await;
    let asked = json!({"org.matrix.msc4262.profiles": {"enabled": true, "fields": [STATUS]}});
    let mut slider = alice.slider(with(asked));
    let first = slider.sync().await;
    assert_eq!(told(&first, &bob), Some(json!({"updated": {STATUS: {"text": "there"}}})));
    assert_eq!(told(&first, &alice), None, "there is nothing to tell");
    set(&alice, STATUS, json!("here")).await;
    assert_eq!(told(&slider.wait().await, &alice), Some(json!({"updated": {STATUS: "here"}})));
    set(&bob, "m.tz", json!("Europe/Berlin")).await;
    assert_eq!(told(&slider.sync().await, &bob), None, "nobody asked for that");
    world.users.profiles.delete(&bob.user, STATUS).await.unwrap();
    assert_eq!(told(&slider.wait().await, &bob), Some(json!({"removed": [STATUS]})));
    // Who comes is told of, and who leaves is gone.
    set(&carol, STATUS, json!("new")).await;
    carol.join(&room).await;
    assert_eq!(told(&slider.wait().await, &carol), Some(json!({"updated": {STATUS: "new"}})));
    carol.set_membership(&room, &carol, "leave").await;
    assert_eq!(told(&slider.wait().await, &carol), Some(Value::Null));
    // On a connection that is there already they are told when they are asked for.
    set(&bob, STATUS, json!("back")).await;
    let mut late = alice.slider(with(json!({})));
    late.sync().await;
    late.body = with(json!({"org.matrix.msc4262.profiles": {"enabled": true}}));
    let response = late.sync().await;
    assert_eq!(told(&response, &bob).unwrap()["updated"][STATUS], "back");
    assert!(told(&response, &alice).unwrap()["updated"]["displayname"].is_string());
}
