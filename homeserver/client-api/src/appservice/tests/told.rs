//! What services are told, in which order, and what becomes of it while they are away.

use hearth_appservices::Pushing;
use hearth_storage::{Position, Scan, schema};
use serde_json::{Value, json};

use super::{Bridge, acting, bodies, bridged, irc, register, registration, say};
use crate::{
    room::testing::CLIENT,
    testing::{TestServer, User, device_keys},
};

#[tokio::test]
async fn a_service_is_told_what_concerns_it_in_order() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", bridge.port, json!({}))]).await;
    let elsewhere = server.create_room(&alice, json!({})).await;
    say(&server, &alice, &elsewhere, "not-theirs").await;
    let room = bridged(&server, &alice).await;
    let (_, joined) = bridge.transaction().await;
    let event = &joined["events"][0];
    assert_eq!(
        (&event["type"], &event["state_key"]),
        (&json!("m.room.member"), &json!("@irc_bob:localhost:8008"))
    );
    assert_eq!(event["room_id"], room.as_str());
    for number in 0..5 {
        say(&server, &alice, &room, &format!("m{number}")).await;
    }
    assert_eq!(bridge.messages(5).await, ["m0", "m1", "m2", "m3", "m4"]);
    // What was said before the ghost came, and where it is not, is not its business. A ghost that leaves hears that.
    let left = server.post(&acting(&format!("rooms/{room}/leave"), "irc_bob"), Some(&irc()), json!({})).await;
    assert_eq!(left.0, 200);
    say(&server, &alice, &room, "after").await;
    let (_, left) = bridge.transaction().await;
    assert_eq!(left["events"][0]["content"]["membership"], "leave");
    assert_eq!(left["events"][0]["unsigned"]["prev_content"]["membership"], "join");
    assert_eq!(left["events"].as_array().unwrap().len(), 1);
    // An invite comes with what tells which room it is.
    let invited =
        server.create_room(&alice, json!({ "name": "Here", "invite": ["@irc_bob:localhost:8008"] })).await;
    let (_, invite) = bridge.transaction().await;
    let event = &invite["events"][0];
    assert_eq!((&event["room_id"], &event["content"]["membership"]), (&json!(invited), &json!("invite")));
    let state = event["unsigned"]["invite_room_state"].as_array().unwrap();
    assert!(state.iter().any(|event| event["content"]["name"] == "Here"));
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_as_it_was() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let registrations = [registration("irc", bridge.port, json!({}))];
    let pushing = register(&server, &registrations).await;
    let room = bridged(&server, &alice).await;
    bridge.transaction().await;
    bridge.always_answers(500, json!({}));
    say(&server, &alice, &room, "one").await;
    let first = bridge.transaction().await;
    say(&server, &alice, &room, "two").await;
    // After a restart, at once.
    pushing.stop().await;
    let pushing = Pushing::start(server.api.services.clone()).unwrap();
    let again = bridge.transaction().await;
    assert_eq!(again, first);
    // On a ping, at once.
    bridge.always_answers(200, json!({}));
    let ping = "/_matrix/client/v1/appservice/irc/ping";
    let pinged = server.post(ping, Some(&irc()), json!({ "transaction_id": "t" })).await;
    assert_eq!(pinged.0, 200, "{}", pinged.1);
    let mut asked = bridge.next().await;
    if asked.path.contains("/transactions/") {
        asked = bridge.next().await;
    }
    assert_eq!(
        (asked.path.as_str(), &asked.body),
        ("/_matrix/app/v1/ping?access_token=to_irc", &json!({ "transaction_id": "t" }))
    );
    let third = bridge.transaction().await;
    assert_eq!(third, first);
    let (id, next) = bridge.transaction().await;
    assert_ne!(id, first.0);
    assert_eq!(bodies(&next), ["two"]);
    // What was acknowledged does not come again.
    pushing.stop().await;
    let _pushing = Pushing::start(server.api.services.clone()).unwrap();
    say(&server, &alice, &room, "three").await;
    assert_eq!(bridge.messages(1).await, ["three"]);
}

#[tokio::test]
async fn who_was_away_for_longer_than_the_log_is_caught_up_in_order() {
    let (server, bridge) = (TestServer::with_short_log(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", bridge.port, json!({}))]).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        ghost_joins(&server, &alice, &mut rooms).await;
        bridge.transaction().await;
    }
    bridge.always_answers(502, json!({}));
    let mut said = Vec::new();
    for number in 0..300 {
        let body = format!("m{number}");
        say(&server, &alice, &rooms[number % 3], &body).await;
        said.push(body);
    }
    // The ghost leaves one of the rooms: what was said until then is told.
    let leave = acting(&format!("rooms/{}/leave", rooms[3]), "irc_bob");
    say(&server, &alice, &rooms[3], "before").await;
    assert_eq!(server.post(&leave, Some(&irc()), json!({})).await.0, 200);
    say(&server, &alice, &rooms[3], "after").await;
    said.push("before".to_owned());
    say(&server, &alice, &rooms[0], "last").await;
    said.push("last".to_owned());
    let first = server.api.rooms.store().view().scan(&schema::LOG, Scan::all()).next().unwrap().unwrap();
    assert!(first.0.0 > Position(100), "the log still has all of it: {:?}", first.0);

    bridge.always_answers(200, json!({}));
    server.post("/_matrix/client/v1/appservice/irc/ping", Some(&irc()), json!({})).await;
    let (mut told, mut ids) = (Vec::new(), Vec::new());
    while told.last().is_none_or(|last| last != "last") {
        let asked = bridge.next().await;
        if asked.path.contains("/transactions/") {
            assert!(asked.body["events"].as_array().unwrap().len() <= 100);
            if ids.last() != Some(&asked.path) {
                ids.push(asked.path);
                told.extend(bodies(&asked.body));
            }
        }
    }
    assert_eq!(told, said);
}

async fn ghost_joins(server: &TestServer, alice: &User, rooms: &mut Vec<String>) {
    match rooms.is_empty() {
        true => rooms.push(bridged(server, alice).await),
        false => {
            let room = server.create_room(alice, json!({ "preset": "public_chat" })).await;
            let join = acting(&format!("join/{room}"), "irc_bob");
            assert_eq!(server.post(&join, Some(&irc()), json!({})).await.0, 200);
            rooms.push(room);
        }
    }
}

/// A service for encrypted rooms, whose bot has a device.
async fn encrypted(server: &TestServer, bridge: &Bridge) -> Pushing {
    let flags = json!({
        "receive_ephemeral": true, "org.matrix.msc3202": true, "io.element.msc4190": true,
    });
    let pushing = register(server, &[registration("irc", bridge.port, flags)]).await;
    let device = format!("{CLIENT}/devices/BRIDGE");
    assert_eq!(server.put(&device, Some(&irc()), json!({})).await.0, 201);
    pushing
}

#[tokio::test]
async fn a_room_key_comes_with_or_before_what_it_opens_however_long_the_service_is_away() {
    let (server, bridge) = (TestServer::with_short_log(), Bridge::new().await);
    let alice = server.register("alice").await;
    let pushing = encrypted(&server, &bridge).await;
    let room = bridged(&server, &alice).await;
    bridge.always_answers(502, json!({}));
    for number in 0..250 {
        let key = json!({ "messages": { irc().id: { "BRIDGE": { "key": number } } } });
        let path = format!("{CLIENT}/sendToDevice/m.room_key/k{number}");
        assert_eq!(server.put(&path, Some(&alice), key).await.0, 200);
        say(&server, &alice, &room, &number.to_string()).await;
    }
    pushing.stop().await;
    bridge.always_answers(200, json!({}));
    let _pushing = Pushing::start(server.api.services.clone()).unwrap();
    let (mut keys, mut messages, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    while messages.last().is_none_or(|last| last != "249") {
        let (id, body) = bridge.transaction().await;
        if ids.contains(&id) {
            continue;
        }
        ids.push(id);
        assert_eq!(body["to_device"], body["de.sorunome.msc2409.to_device"]);
        for message in body["to_device"].as_array().into_iter().flatten() {
            assert_eq!(
                (&message["to_user_id"], &message["to_device_id"]),
                (&json!(irc().id), &json!("BRIDGE"))
            );
            assert_eq!((&message["type"], &message["sender"]), (&json!("m.room_key"), &json!(alice.id)));
            keys.push(message["content"]["key"].as_u64().unwrap());
        }
        for message in bodies(&body) {
            assert!(keys.contains(&message.parse().unwrap()), "{message} cannot be opened: {keys:?}");
            messages.push(message);
        }
    }
    assert_eq!(keys, (0..250).collect::<Vec<_>>());
    assert_eq!(messages.len(), 250);
}

#[tokio::test]
async fn who_encrypts_and_was_away_is_asked_whether_it_is_back_before_it_is_told() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = encrypted(&server, &bridge).await;
    let room = bridged(&server, &alice).await;
    bridge.always_answers(502, json!({}));
    say(&server, &alice, &room, "one").await;
    let mut asked = Vec::new();
    while asked.last().is_none_or(|path: &String| !path.starts_with("/_matrix/app/v1/ping")) {
        asked.push(bridge.next().await.path);
        assert!(asked.len() < 10, "it is told again and again: {asked:?}");
    }
}

#[tokio::test]
async fn what_passes_and_what_encryption_needs_is_told() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = encrypted(&server, &bridge).await;
    let room = bridged(&server, &alice).await;
    let find = async |what: &str, is_it: &dyn Fn(&Value) -> bool| loop {
        let (_, body) = bridge.transaction().await;
        assert!(body["events"].is_array());
        assert_eq!(body["ephemeral"], body["de.sorunome.msc2409.ephemeral"]);
        if let Some(found) =
            body["ephemeral"].as_array().into_iter().flatten().find(|event| event["type"] == what)
        {
            if is_it(found) {
                return found.clone();
            }
        } else if what.is_empty() && is_it(&body) {
            return body;
        }
    };
    let typing = format!("{CLIENT}/rooms/{room}/typing/{}", alice.id);
    assert_eq!(server.put(&typing, Some(&alice), json!({ "typing": true, "timeout": 9000 })).await.0, 200);
    let typing = find("m.typing", &|_| true).await;
    assert_eq!(typing, json!({ "type": "m.typing", "room_id": room, "content": { "user_ids": [alice.id] } }));

    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/r");
    let sent = server.put(&path, Some(&alice), json!({ "body": "r" })).await.1["event_id"].clone();
    let sent = sent.as_str().unwrap();
    for kind in ["m.read.private", "m.read"] {
        let read = format!("{CLIENT}/rooms/{room}/receipt/{kind}/{sent}");
        assert_eq!(server.post(&read, Some(&alice), json!({})).await.0, 200);
    }
    let receipt = find("m.receipt", &|_| true).await;
    assert_eq!(receipt["room_id"], room.as_str());
    let of_event = receipt["content"][sent].as_object().unwrap();
    assert!(of_event.contains_key("m.read") && !of_event.contains_key("m.read.private"), "{receipt}");

    let presence = format!("{CLIENT}/presence/{}/status", alice.id);
    let status = json!({ "presence": "online", "status_msg": "here" });
    assert_eq!(server.put(&presence, Some(&alice), status).await.0, 200);
    let presence = find("m.presence", &|event| event["content"]["status_msg"] == "here").await;
    assert_eq!(presence["sender"], alice.id.as_str());

    // Whose devices changed, and how many keys there are.
    let upload = format!("{CLIENT}/keys/upload");
    assert_eq!(
        server.post(&upload, Some(&alice), json!({ "device_keys": device_keys(&alice) })).await.0,
        200
    );
    let lists = "org.matrix.msc3202.device_lists";
    find("", &|body| body[lists]["changed"].as_array().is_some_and(|users| users.contains(&json!(alice.id))))
        .await;
    let on_it = User { device: "BRIDGE".into(), ..irc() };
    let keys = json!({ "device_keys": device_keys(&on_it), "one_time_keys": { "curve25519:AAAA": "a2V5" } });
    assert_eq!(server.post(&format!("{upload}?device_id=BRIDGE"), Some(&irc()), keys).await.0, 200);
    let counts = find("", &|body| {
        body["org.matrix.msc3202.device_one_time_keys_count"][irc().id.as_str()]["BRIDGE"]["curve25519"] == 1
    });
    let body = counts.await;
    let misspelt = &body["org.matrix.msc3202.device_one_time_key_counts"];
    assert_eq!(&body["org.matrix.msc3202.device_one_time_keys_count"], misspelt);
    let unused = &body["org.matrix.msc3202.device_unused_fallback_key_types"][irc().id.as_str()]["BRIDGE"];
    assert_eq!(unused, &json!([]));
}
