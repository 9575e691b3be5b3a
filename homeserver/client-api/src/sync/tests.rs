use std::time::Duration;

use hearth_storage::Position;
use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast},
    testing::{TestServer, User, error},
};

impl TestServer {
    /// Waits until syncs tell everything that was written so far.
    async fn settle(&self) {
        let Position(published) = self.api.rooms.store().published();
        self.api.sync.reached(Position(published)).await.unwrap();
    }

    async fn ok(&self, who: &User, path: &str) -> Value {
        let (status, answer) = self.get(&format!("{CLIENT}/{path}"), Some(who)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

#[tokio::test]
async fn sync_takes_all_parameters() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    server.settle().await;
    let first = server.ok(alice, "sync?_cacheBuster=1&full_state=false&set_presence=unavailable").await;
    assert!(first["rooms"]["join"][room]["timeline"]["events"].as_array().is_some());
    let presence = server.ok(alice, &format!("presence/{}/status", alice.id)).await;
    assert_eq!(presence["presence"], "unavailable");
    let since = first["next_batch"].as_str().unwrap();

    server.set_state(alice, room, "m.room.topic", json!({ "topic": "x" })).await;
    server.settle().await;
    let on = async |query: &str| {
        let answer = server.ok(alice, &format!("sync?since={since}&{query}")).await;
        answer["rooms"]["join"][room].clone()
    };
    assert!(on("").await.get("state_after").is_none());
    let unstable = on("org.matrix.msc4222.use_state_after=true").await;
    assert_eq!(unstable["org.matrix.msc4222.state_after"]["events"][0]["type"], "m.room.topic");
    let both = on("use_state_after=true&org.matrix.msc4222.use_state_after=true&timeout=0").await;
    assert_eq!(both["state_after"]["events"][0]["type"], "m.room.topic");
    assert_eq!(on("filter=%7B%22room%22:%7B%22rooms%22:%5B%5D%7D%7D").await, Value::Null);

    let filters = format!("{CLIENT}/user/{}/filter", alice.id);
    let filter = json!({ "room": { "not_rooms": [room] } });
    let (_, filter) = server.post(&filters, Some(alice), filter).await;
    let filter = filter["filter_id"].as_str().unwrap();
    assert_eq!(on(&format!("filter={filter}")).await, Value::Null);

    for (wrong, wanted) in [
        ("since=x", (400, "M_INVALID_PARAM")),
        ("timeout=x", (400, "M_INVALID_PARAM")),
        ("full_state=maybe", (400, "M_INVALID_PARAM")),
        ("set_presence=asleep", (400, "M_INVALID_PARAM")),
        ("filter=%7Bx", (400, "M_INVALID_PARAM")),
        ("filter=99", (404, "M_NOT_FOUND")),
    ] {
        let answer = server.get(&format!("{CLIENT}/sync?{wrong}"), Some(alice)).await;
        assert_eq!(error(&answer), wanted, "{wrong}");
    }
}

#[tokio::test]
async fn a_sync_waits_for_what_comes() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    server.settle().await;
    let since = server.ok(alice, "sync").await["next_batch"].as_str().unwrap().to_owned();
    let wait = async { server.ok(alice, &format!("sync?since={since}&timeout=30000")).await };
    let say = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.say(&cast.bob, room, "hello").await
    };
    let (answer, said) = tokio::join!(wait, say);
    assert_eq!(answer["rooms"]["join"][room]["timeline"]["events"][0]["event_id"], json!(said));
}

#[tokio::test]
async fn events_of_the_old_streams() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    server.settle().await;
    let start = server.ok(alice, "initialSync?limit=1").await;
    let known = start["rooms"].as_array().unwrap();
    assert_eq!(
        (known.len(), &known[0]["room_id"], &known[0]["membership"]),
        (1, &json!(room), &json!("join"))
    );
    assert_eq!(known[0]["messages"]["chunk"].as_array().unwrap().len(), 1);
    assert!(start["presence"].is_array() && start["account_data"].is_array());
    assert_eq!(server.ok(&cast.former, "initialSync").await["rooms"], json!([]));
    let archived = server.ok(&cast.former, "initialSync?archived=true").await;
    assert_eq!(archived["rooms"][0]["membership"], "leave");
    let invited = json!({ "invite": [alice.id] });
    let other = server.create_room(&cast.bob, invited).await;
    let rooms = server.ok(alice, "initialSync").await["rooms"].as_array().unwrap().clone();
    let invite = rooms.iter().find(|known| known["room_id"] == json!(other)).unwrap();
    assert_eq!(invite["invite"]["content"]["membership"], "invite");

    let from = start["end"].as_str().unwrap();
    let wait = async { server.ok(alice, &format!("events?from={from}&timeout=30000")).await };
    let say = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.say(&cast.bob, room, "hello").await
    };
    let (news, said) = tokio::join!(wait, say);
    let event = &news["chunk"][0];
    assert_eq!((&event["event_id"], &event["room_id"]), (&json!(said), &json!(room)));
    assert_eq!(news["start"], from);
    let end = news["end"].as_str().unwrap();
    let nothing = server.ok(alice, &format!("events?from={end}")).await;
    assert_eq!(nothing["chunk"], json!([]));
    let wrong = server.get(&format!("{CLIENT}/events?from=x"), Some(alice)).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));

    assert_eq!(server.ok(alice, &format!("events/{said}")).await["content"]["body"], "hello");
    for (who, id) in [(&cast.stranger, &*said), (&cast.former, &*said), (alice, "$none")] {
        let answer = server.get(&format!("{CLIENT}/events/{id}"), Some(who)).await;
        assert_eq!(error(&answer), (404, "M_NOT_FOUND"));
    }
}

#[tokio::test]
async fn rooms_that_anyone_may_look_into() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let peek = format!("events?room_id={room}");
    let refused = server.get(&format!("{CLIENT}/{peek}"), Some(&cast.stranger)).await;
    assert_eq!(error(&refused), (403, "M_FORBIDDEN"));
    let open = json!({ "history_visibility": "world_readable" });
    server.set_state(&cast.alice, room, "m.room.history_visibility", open).await;
    let guest = server.register_guest().await;
    let now = server.ok(&guest, &peek).await;
    let said = server.say(&cast.bob, room, "hello").await;
    let news = server.ok(&guest, &format!("{peek}&from={}", now["end"].as_str().unwrap())).await;
    assert_eq!(news["chunk"][0]["event_id"], json!(said));
}

#[tokio::test]
async fn a_sliding_sync_is_answered_in_both_forms() {
    let cast = Cast::new().await;
    let (server, room, alice) = (&cast.server, &cast.room, &cast.alice);
    server.settle().await;
    let unstable = format!("{CLIENT}/unstable/org.matrix.simplified_msc3575/sync").replace("/v3", "");
    let stable = format!("{CLIENT}/sync").replace("v3", "v4");
    let room_of = |state: Value| json!({ "timeline_limit": 2, "required_state": state });
    let today = json!({ "room_subscriptions": { room: room_of(json!([["m.room.create", ""]])) } });
    let (status, first) = server.post(&unstable, Some(alice), today.clone()).await;
    assert_eq!((status, &first["rooms"][room]["initial"]), (200, &json!(true)), "{first}");
    let pos = first["pos"].as_str().unwrap();
    server.set_state(alice, room, "m.room.topic", json!({ "topic": "x" })).await;
    server.settle().await;
    let (_, next) =
        server.post(&format!("{unstable}?pos={pos}&timeout=5000"), Some(alice), today.clone()).await;
    assert_eq!(next["rooms"][room]["timeline"][0]["type"], "m.room.topic");
    // It is a place in the room's timeline as well.
    let messages = server.ok(alice, &format!("rooms/{room}/messages?dir=f&from={pos}")).await;
    assert_eq!(messages["chunk"][0]["type"], "m.room.topic");

    let state = json!({ "include": [{ "type": "m.room.create", "state_key": "" }] });
    let mut accepted = json!({ "conn_id": "a", "room_subscriptions": { room: room_of(state) } });
    let (status, first) = server.post(&stable, Some(alice), accepted.clone()).await;
    assert_eq!((status, &first["rooms"][room]["membership"]), (200, &json!("join")), "{first}");
    accepted["pos"] = first["pos"].clone();
    assert_eq!(server.post(&stable, Some(alice), accepted).await.0, 200);

    let unknown = (400, "M_UNKNOWN_POS");
    assert_eq!(error(&server.post(&format!("{unstable}?pos=x"), Some(alice), json!({})).await), unknown);
    assert_eq!(
        error(&server.post(&format!("{unstable}?pos={pos}"), Some(&cast.bob), json!({})).await),
        unknown
    );
    for (path, body, wanted) in [
        (&unstable, json!({ "lists": 7 }), (400, "M_BAD_JSON")),
        (&unstable, json!({ "lists": { "a": { "ranges": [[2, 1]] } } }), (400, "M_INVALID_PARAM")),
        (&stable, json!({ "lists": { "a": {} } }), (400, "M_INVALID_PARAM")),
        (&stable, json!({ "set_presence": "asleep" }), (400, "M_INVALID_PARAM")),
    ] {
        assert_eq!(error(&server.post(path, Some(alice), body).await), wanted);
    }
    assert_eq!(error(&server.post(&unstable, None, json!({})).await), (401, "M_MISSING_TOKEN"));
}
