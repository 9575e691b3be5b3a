use http::Method;
use ruma::EventId;
use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast, FORBIDDEN, NOT_FOUND, OK},
    testing::{TestServer, User, error},
};

#[tokio::test]
async fn state_is_read_as_of_now_or_of_the_leave() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    assert_eq!(server.state(&cast.bob, room, "m.room.name").await, json!({ "name": "Now" }));
    // With or without a slash for the empty state key.
    assert_eq!(server.state(&cast.bob, room, "m.room.name/").await, json!({ "name": "Now" }));
    for who in [&cast.former, &cast.banned] {
        assert_eq!(server.state(who, room, "m.room.name").await, json!({ "name": "Then" }));
    }
    let all = format!("{CLIENT}/rooms/{room}/state");
    let one = format!("{CLIENT}/rooms/{room}/state/m.room.name");
    for path in [&all, &one] {
        cast.refuses(Method::GET, path, Value::Null, [FORBIDDEN, OK, OK]).await;
    }
    let unknown = format!("{CLIENT}/rooms/!none:localhost:8008/state");
    assert_eq!(error(&server.get(&unknown, Some(&cast.bob)).await), FORBIDDEN);

    let (_, events) = server.get(&all, Some(&cast.bob)).await;
    let events = events.as_array().unwrap();
    assert!(events.iter().any(|event| event["type"] == "m.room.create" && event["state_key"] == ""));
    assert!(events.iter().all(|event| event["room_id"] == room.as_str() && event["event_id"].is_string()));

    let (status, event) = server.get(&format!("{one}?format=event"), Some(&cast.bob)).await;
    assert_eq!((status, &event["content"]), (200, &json!({ "name": "Now" })));
    assert_eq!((&event["sender"], &event["type"]), (&json!(cast.alice.id), &json!("m.room.name")));
    assert_eq!(
        error(&server.get(&format!("{one}?format=x"), Some(&cast.bob)).await),
        (400, "M_INVALID_PARAM")
    );
    let none = server.get(&format!("{CLIENT}/rooms/{room}/state/a.b/c"), Some(&cast.bob)).await;
    assert_eq!(error(&none), NOT_FOUND);
    let history = json!({ "history_visibility": "world_readable" });
    server.set_state(&cast.alice, room, "m.room.history_visibility", history).await;
    assert_eq!(server.state(&cast.stranger, room, "m.room.name").await, json!({ "name": "Now" }));
}

#[tokio::test]
async fn state_is_set_by_who_may() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let topic = format!("{CLIENT}/rooms/{room}/state/m.room.topic");
    cast.refuses(Method::PUT, &topic, json!({ "topic": "x" }), [FORBIDDEN; 3]).await;
    assert_eq!(error(&server.put(&topic, Some(&cast.bob), json!({ "topic": "x" })).await), FORBIDDEN);
    let (status, first) = server.put(&topic, Some(&cast.alice), json!({ "topic": "x" })).await;
    assert_eq!(status, 200, "{first}");
    // The same again is the same event.
    assert_eq!(server.put(&topic, Some(&cast.alice), json!({ "topic": "x" })).await, (200, first));
    assert_eq!(error(&server.put(&topic, Some(&cast.alice), json!({ "topic": 1.5 })).await).0, 400);
    let large = server.put(&topic, Some(&cast.alice), json!({ "topic": "x".repeat(70_000) })).await;
    assert_eq!(error(&large), (413, "M_TOO_LARGE"));
    let create = format!("{CLIENT}/rooms/{room}/state/m.room.create");
    assert_eq!(error(&server.put(&create, Some(&cast.alice), json!({})).await), (400, "M_BAD_JSON"));
    let levels = format!("{CLIENT}/rooms/{room}/state/m.room.power_levels");
    let for_a_creator = json!({ "users": { cast.alice.id.as_str(): 100 } });
    assert_eq!(error(&server.put(&levels, Some(&cast.alice), for_a_creator).await), (400, "M_BAD_JSON"));

    let member = |user: &User| format!("{CLIENT}/rooms/{room}/state/m.room.member/{}", user.id);
    let join = json!({ "membership": "join", "displayname": "Bobby" });
    assert_eq!(server.put(&member(&cast.bob), Some(&cast.bob), join.clone()).await.0, 200);
    assert_eq!(error(&server.put(&member(&cast.alice), Some(&cast.bob), join.clone()).await), FORBIDDEN);
    assert_eq!(
        error(&server.put(&member(&cast.stranger), Some(&cast.stranger), join.clone()).await),
        FORBIDDEN
    );
    server.api.users.accounts.set_suspended(&cast.bob.id, true).await.unwrap();
    assert_eq!(
        error(&server.put(&member(&cast.bob), Some(&cast.bob), join).await),
        (403, "M_USER_SUSPENDED")
    );
    let leave = json!({ "membership": "leave" });
    assert_eq!(server.put(&member(&cast.bob), Some(&cast.bob), leave).await.0, 200);
}

#[tokio::test]
async fn a_room_calls_its_own_only_what_points_to_it() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({ "room_alias_name": "here" })).await;
    server.create_room(&alice, json!({ "room_alias_name": "there" })).await;
    let path = format!("{CLIENT}/rooms/{room}/state/m.room.canonical_alias");
    for (body, wanted) in [
        (json!({ "alias": "#there:localhost:8008" }), (400, "M_BAD_ALIAS")),
        (json!({ "alt_aliases": ["#none:localhost:8008"] }), (400, "M_BAD_ALIAS")),
        (json!({ "alt_aliases": ["none"] }), (400, "M_INVALID_PARAM")),
        (json!({ "alias": 1 }), (400, "M_INVALID_PARAM")),
        (json!({ "alias": "#here:localhost:8008", "alt_aliases": ["#here:localhost:8008"] }), OK),
        (json!({ "alias": "" }), OK),
        (json!({}), OK),
    ] {
        let answer = server.put(&path, Some(&alice), body.clone()).await;
        assert_eq!(error(&answer), wanted, "{body}");
    }
}

#[tokio::test]
async fn messages_are_sent_once() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let send = |event_type: &str, transaction: &str| {
        format!("{CLIENT}/rooms/{room}/send/{event_type}/{transaction}")
    };
    let text = json!({ "msgtype": "m.text", "body": "hello" });
    cast.refuses(Method::PUT, &send("m.room.message", "1"), text.clone(), [FORBIDDEN; 3]).await;
    let unknown = format!("{CLIENT}/rooms/!none:localhost:8008/send/m.room.message/1");
    assert_eq!(error(&server.put(&unknown, Some(&cast.bob), text.clone()).await), FORBIDDEN);

    let first = server.put(&send("m.room.message", "1"), Some(&cast.bob), text.clone()).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(server.put(&send("m.room.message", "1"), Some(&cast.bob), text.clone()).await, first);
    assert_ne!(server.put(&send("m.room.message", "2"), Some(&cast.bob), text.clone()).await, first);
    // Another device, or another room, is another transaction.
    let other_device = server.login("bob").await;
    assert_ne!(server.put(&send("m.room.message", "1"), Some(&other_device), text.clone()).await, first);
    let other_room = server.create_room(&cast.bob, json!({})).await;
    let elsewhere = format!("{CLIENT}/rooms/{other_room}/send/m.room.message/1");
    assert_ne!(server.put(&elsewhere, Some(&cast.bob), text.clone()).await, first);

    let float = server.put(&send("m.room.message", "3"), Some(&cast.bob), json!({ "body": 1.5 })).await;
    assert_eq!(error(&float), (400, "M_BAD_JSON"));
    let create = server.put(&send("m.room.create", "6"), Some(&cast.bob), json!({})).await;
    assert_eq!(error(&create), (400, "M_BAD_JSON"));
    let large = server.put(&send("a.b", "4"), Some(&cast.bob), json!({ "body": "x".repeat(70_000) })).await;
    assert_eq!(error(&large), (413, "M_TOO_LARGE"));
    server.api.users.accounts.set_suspended(&cast.bob.id, true).await.unwrap();
    let suspended = server.put(&send("m.room.message", "5"), Some(&cast.bob), text).await;
    assert_eq!(error(&suspended), (403, "M_USER_SUSPENDED"));
}

#[tokio::test]
async fn redactions() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let (of_bob, of_alice) =
        (server.say(&cast.bob, room, "one").await, server.say(&cast.alice, room, "two").await);
    let redact =
        |event: &str, transaction: &str| format!("{CLIENT}/rooms/{room}/redact/{event}/{transaction}");
    cast.refuses(Method::PUT, &redact(&of_bob, "1"), json!({}), [FORBIDDEN; 3]).await;
    assert_eq!(error(&server.put(&redact(&of_alice, "2"), Some(&cast.bob), json!({})).await), FORBIDDEN);
    assert_eq!(error(&server.put(&redact("$none", "3"), Some(&cast.bob), json!({})).await), NOT_FOUND);
    // Who may redact everything may do so before the event comes.
    assert_eq!(server.put(&redact("$none", "3"), Some(&cast.alice), json!({})).await.0, 200);
    // A suspended user may still redact what they sent.
    server.api.users.accounts.set_suspended(&cast.bob.id, true).await.unwrap();
    let done = server.put(&redact(&of_bob, "4"), Some(&cast.bob), json!({ "reason": "oops" })).await;
    assert_eq!(done.0, 200, "{}", done.1);
    assert_eq!(server.put(&redact(&of_bob, "4"), Some(&cast.bob), json!({ "reason": "oops" })).await, done);
    let event = |id: &str| server.api.rooms.event_by_id(&EventId::parse(id).unwrap()).unwrap().unwrap();
    assert_eq!(event(&of_bob).pdu.content_str(), "{}");
    // The room's creator redacts anyone's, also as a message: whatever the room version writes it like.
    let old_room = server.create_room(&cast.alice, json!({ "room_version": "9" })).await;
    let own = server.say(&cast.alice, &old_room, "three").await;
    for (room, redacts) in [(room, of_alice), (&old_room, own)] {
        let path = |transaction| format!("{CLIENT}/rooms/{room}/send/m.room.redaction/{transaction}");
        let answer = server.put(&path("x"), Some(&cast.alice), json!({ "redacts": redacts })).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        assert_eq!(event(&redacts).pdu.content_str(), "{}");
        let redaction = event(answer.1["event_id"].as_str().unwrap());
        assert_eq!(redaction.pdu.redacts().unwrap().as_str(), redacts);
        let missing = server.put(&path("y"), Some(&cast.alice), json!({})).await;
        assert_eq!(error(&missing), (400, "M_MISSING_PARAM"));
    }
    let create = format!("{CLIENT}/rooms/{room}/state/m.room.create?format=event");
    let (_, create) = server.get(&create, Some(&cast.alice)).await;
    let create = create["event_id"].as_str().unwrap();
    assert_eq!(error(&server.put(&redact(create, "5"), Some(&cast.alice), json!({})).await), FORBIDDEN);
}
