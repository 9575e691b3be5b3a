//! Gateways that fail, are slow, dead or hostile, and servers that are killed.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hearth_users::{NewPusher, Pusher};
use p256::{SecretKey, elliptic_curve::sec1::ToEncodedPoint as _};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use serde_json::value::to_raw_value;

use super::*;
use crate::pushes::webpush::decrypt;

#[tokio::test(start_paused = true)]
async fn each_notification_arrives_in_order_also_where_a_third_fails_and_the_server_is_killed() {
    let mut world = World::new();
    let alice = world.user("alice").await;
    let mut chance = StdRng::seed_from_u64(1);
    world.gateways.serve(HOST, move || match chance.random_range(0..6) {
        0 => Answer::Fail,
        1 => Answer::TakeAndFail,
        _ => Answer::Take,
    });
    let (mut readers, mut rooms) = (Vec::new(), Vec::new());
    for n in 0..4 {
        let user = world.user(&format!("u{n}")).await;
        world.push_to(&user, &n.to_string(), HOST).await;
        readers.push(user);
    }
    for _ in 0..3 {
        let readers: Vec<_> = readers.iter().map(|user| &**user).collect();
        rooms.push(world.room(&alice, &readers).await.id().to_owned());
    }
    let mut said = Vec::new();
    for kill in 0..3 {
        for n in 0..20 {
            let room = world.rooms.room(&rooms[n % rooms.len()]).unwrap();
            said.push(world.say(&alice, &room, &n.to_string()).await.id().to_string());
        }
        if kill < 2 {
            world.settle_for(Duration::from_millis(1500)).await;
            world = world.killed();
        }
    }
    world.settle_for(Duration::from_secs(3600)).await;
    let mut by_pushkey: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for notification in world.gateways.took(HOST) {
        if let Some(event) = notification["event_id"].as_str() {
            let pushkey = notification["devices"][0]["pushkey"].as_str().unwrap().to_owned();
            by_pushkey.entry(pushkey).or_default().push(event.to_owned());
        }
    }
    assert_eq!(by_pushkey.len(), readers.len());
    for (_, mut told) in by_pushkey {
        let all = told.len();
        told.dedup();
        assert_eq!(told, said, "each of them, and in order");
        assert!(all < said.len() * 2, "what was taken is not told again but after a failure: {all}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pusher_that_is_rejected_is_removed() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.gateways.serve(HOST, || Answer::Reject);
    world.say(&alice, &room, "a").await;
    world.settle().await;
    assert!(world.users.pushers.list(&bob).unwrap().is_empty());
    assert_eq!(world.gateways.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn hostile_gateways_cost_others_nothing() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.say(&alice, &room, "first").await;
    world.settle().await;
    let carol = user_id!("@carol:h.org");
    for n in 0..90 {
        let host = format!("hostile{n}.example");
        world.gateways.serve(&host, if n % 2 == 0 { || Answer::Hang } else { || Answer::Endless });
        world.push_to(carol, &n.to_string(), &host).await;
    }
    // Nobody listens there.
    world.push_to(carol, "dead", "dead.example").await;
    world.settle_for(Duration::from_millis(50)).await;
    let begun = tokio::time::Instant::now();
    let event = world.say(&alice, &room, "second").await;
    while world.gateways.told(HOST).last().map(String::as_str) != Some(event.id().as_str()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(begun.elapsed() < Duration::from_millis(50), "{:?}", begun.elapsed());
    world.settle_for(Duration::from_secs(1000)).await;
    // Each time less often.
    let asked = world.gateways.asked();
    assert!(asked < 90 * 15, "{asked}");
    assert_eq!(world.users.pushers.list(&bob).unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn web_push_is_read_by_the_client_alone_and_by_none_before_it_is_activated() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    let (key, secret) = (SecretKey::from_slice(&[5; 32]).unwrap(), [6; 16]);
    let pushkey = URL_SAFE_NO_PAD.encode(key.public_key().to_encoded_point(false));
    world.gateways.serve("service.example", || Answer::Take);
    let pusher = json!({
        "kind": "webpush",
        "data": {"url": "http://service.example/web-push", "auth": URL_SAFE_NO_PAD.encode(secret)},
    });
    let pusher = to_raw_value(&pusher).unwrap();
    let new = NewPusher {
        app_id: "web",
        pushkey: &pushkey,
        pusher: &pusher,
        enabled: true,
        append: true,
        to_activate: Some(5 * 60_000),
    };
    let row = world.users.pushers.set(&bob, "D".into(), new).await.unwrap();
    world.say(&alice, &room, "unheard").await;
    world.settle().await;
    assert!(world.gateways.messages().is_empty());
    let set = Pusher { app_id: "web".to_owned(), pushkey: pushkey.clone(), row };
    world.pushes.as_ref().unwrap().send_activation(set);
    world.settle().await;
    let read = |(headers, message): &(http::HeaderMap, axum::body::Bytes)| -> Value {
        assert_eq!(headers["content-encoding"], "aes128gcm");
        assert_eq!(headers["ttl"], "172800");
        assert!(headers["authorization"].to_str().unwrap().starts_with("vapid t="));
        serde_json::from_slice(&decrypt(&key, &secret, message)).unwrap()
    };
    let told = read(&world.gateways.messages()[0]);
    assert_eq!(told["app_id"], "web");
    world.users.pushers.activate(&bob, "web", told["ack_token"].as_str().unwrap()).await.unwrap();
    let short = world.say(&alice, &room, "heard").await;
    let long = world.say(&alice, &room, &"long ".repeat(1000)).await;
    world.settle().await;
    let told: Vec<Value> = world.gateways.messages().iter().skip(1).map(read).collect();
    let events: Vec<_> = told.iter().map(|told| &told["notification"]["event_id"]).collect();
    let ids = [&json!(short.id()), &json!(long.id())];
    // The first one says how much is unread.
    assert_eq!(events[events.len() - 2..], ids);
    assert_eq!(told[told.len() - 2]["notification"]["content"]["body"], "heard");
    assert_eq!(told[told.len() - 1]["notification"]["content"], Value::Null, "it does not fit");
    assert_eq!(told[0]["notification"]["devices"][0]["data"], Value::Null, "no secret is told");
    // A subscription that is over.
    world.gateways.serve("service.example", || Answer::Fail);
    world.say(&alice, &room, "gone").await;
    world.settle().await;
    assert_eq!(world.users.pushers.list(&bob).unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_for_a_day_is_not_told_any_more() {
    let world = World::new();
    let (alice, _, room) = alice_and_bob(&world).await;
    world.gateways.serve(HOST, || Answer::Fail);
    world.say(&alice, &room, "old").await;
    world.settle().await;
    world.clock.advance(24 * 60 * 60 * 1000 + 1);
    let new = world.say(&alice, &room, "new").await;
    world.gateways.serve(HOST, || Answer::Take);
    world.settle_for(Duration::from_secs(3600)).await;
    assert_eq!(world.gateways.told(HOST), [new.id().as_str()]);
}
