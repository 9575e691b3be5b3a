use hearth_storage::{Scan, schema};
use http::Method;
use serde_json::{Value, json};

use super::testing::{CLIENT, Cast, FORBIDDEN, NOT_FOUND, OK};
use crate::testing::{NOWHERE, TestServer, User, error};

const CREATE: &str = "/_matrix/client/v3/createRoom";

#[tokio::test]
async fn presets_make_the_first_state() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    for (body, join_rule, guest_access) in [
        (json!({}), "invite", json!("can_join")),
        // Nothing said keeps guests out.
        (json!({ "visibility": "public" }), "public", json!(null)),
        (json!({ "preset": "trusted_private_chat" }), "invite", json!("can_join")),
        (json!({ "visibility": "public", "preset": "private_chat" }), "invite", json!("can_join")),
    ] {
        let room = server.create_room(&alice, body).await;
        assert_eq!(server.state(&alice, &room, "m.room.join_rules").await["join_rule"], join_rule);
        assert_eq!(server.state(&alice, &room, "m.room.guest_access").await["guest_access"], guest_access);
        let history = server.state(&alice, &room, "m.room.history_visibility").await;
        assert_eq!(history, json!({ "history_visibility": "shared" }));
        let member = server.state(&alice, &room, &format!("m.room.member/{}", alice.id)).await;
        assert_eq!(member["membership"], "join");
    }
}

#[tokio::test]
async fn what_a_room_is_made_with() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let name = format!("{CLIENT}/profile/{}/displayname", alice.id);
    assert_eq!(server.put(&name, Some(&alice), json!({ "displayname": "Alice" })).await.0, 200);
    let body = json!({
        "room_alias_name": "pub", "name": "The Pub", "topic": "Ale", "invite": [bob.id, bob.id], "is_direct": true,
        "room_version": "10", "creation_content": { "m.federate": false, "type": "m.space" },
        "initial_state": [
            { "type": "m.room.join_rules", "content": { "join_rule": "knock" } },
            { "type": "a.b", "state_key": "k", "content": { "x": 1 } },
        ],
        "power_level_content_override": { "invite": 75 },
    });
    let room = server.create_room(&alice, body).await;
    let state = async |state: &str| server.state(&alice, &room, state).await;
    let create = state("m.room.create").await;
    assert_eq!((&create["room_version"], &create["m.federate"]), (&json!("10"), &json!(false)));
    assert_eq!(create["type"], "m.space");
    assert_eq!(state("m.room.name").await["name"], "The Pub");
    assert_eq!(state("m.room.topic").await["topic"], "Ale");
    assert_eq!(state("m.room.canonical_alias").await["alias"], "#pub:localhost:8008");
    assert_eq!(state("m.room.join_rules").await["join_rule"], "knock");
    assert_eq!(state("a.b/k").await, json!({ "x": 1 }));
    let levels = state("m.room.power_levels").await;
    assert_eq!((&levels["invite"], &levels["users"][alice.id.as_str()]), (&json!(75), &json!(100)));
    let member = state(&format!("m.room.member/{}", bob.id)).await;
    assert_eq!((&member["membership"], &member["is_direct"]), (&json!("invite"), &json!(true)));
    assert_eq!(state(&format!("m.room.member/{}", alice.id)).await["displayname"], "Alice");
    let aliases = server.get(&format!("{CLIENT}/rooms/{room}/aliases"), Some(&alice)).await;
    assert_eq!(aliases, (200, json!({ "aliases": ["#pub:localhost:8008"] })));
}

#[tokio::test]
async fn rooms_made_alike_at_one_time_are_two() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let one = server.create_room(&alice, json!({ "name": "one" })).await;
    let two = server.create_room(&alice, json!({ "name": "two" })).await;
    assert_ne!(one, two);
    assert_eq!(server.state(&alice, &one, "m.room.name").await["name"], "one");
}

#[tokio::test]
async fn who_cannot_be_reached_is_no_reason_against_a_room() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let away = format!("@bob:{NOWHERE}");
    let body = json!({ "invite": [away], "preset": "trusted_private_chat", "room_version": "11" });
    let room = server.create_room(&alice, body).await;
    assert_eq!(server.state(&alice, &room, "m.room.power_levels").await["users"][&away], 100);
    let member = format!("{CLIENT}/rooms/{room}/state/m.room.member/{away}");
    assert_eq!(server.get(&member, Some(&alice)).await.0, 404);
}

#[tokio::test]
async fn rooms_that_cannot_be() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    server.create_room(&alice, json!({ "room_alias_name": "taken" })).await;
    let third_party =
        json!({ "id_server": "a.b", "id_access_token": "c", "medium": "email", "address": "a@b.c" });
    let elsewhere = json!({
        "type": "m.room.member", "state_key": format!("@bob:{NOWHERE}"), "content": { "membership": "invite" },
    });
    for (body, wanted) in [
        (json!({ "room_version": "99" }), (400, "M_UNSUPPORTED_ROOM_VERSION")),
        (json!({ "room_alias_name": "taken" }), (400, "M_ROOM_IN_USE")),
        (json!({ "room_alias_name": "a:b" }), (400, "M_INVALID_PARAM")),
        (json!({ "room_alias_name": "a b" }), (400, "M_INVALID_PARAM")),
        (json!({ "room_alias_name": "x".repeat(300) }), (400, "M_INVALID_PARAM")),
        (json!({ "preset": "party" }), (400, "M_INVALID_PARAM")),
        (json!({ "visibility": "loud" }), (400, "M_INVALID_PARAM")),
        (json!({ "invite_3pid": [third_party] }), (400, "M_SERVER_NOT_TRUSTED")),
        (json!({ "invite": ["bob"] }), (400, "M_BAD_JSON")),
        (json!({ "initial_state": [elsewhere] }), (400, "M_INVALID_PARAM")),
        (json!({ "initial_state": [{ "type": "a.b" }] }), (400, "M_BAD_JSON")),
        (
            json!({ "initial_state": [{ "type": "m.room.create", "content": {} }] }),
            (400, "M_INVALID_ROOM_STATE"),
        ),
        (
            json!({ "power_level_content_override": { "users": { alice.id.as_str(): 0 } } }),
            (400, "M_INVALID_ROOM_STATE"),
        ),
        (json!({ "creation_content": { "additional_creators": ["x"] } }), (400, "M_INVALID_ROOM_STATE")),
    ] {
        let answer = server.post(CREATE, Some(&alice), body.clone()).await;
        assert_eq!(error(&answer), wanted, "{body}: {}", answer.1);
    }
    // None of them left anything behind.
    let joined = server.get(&format!("{CLIENT}/joined_rooms"), Some(&alice)).await;
    assert_eq!(joined.1["joined_rooms"].as_array().unwrap().len(), 1);

    let block = serde_json::value::to_raw_value(&json!({ "default_action": "block" })).unwrap();
    server.api.users.account_data.set(&bob.id, None, "m.invite_permission_config", &block).await.unwrap();
    let by_state =
        json!({ "type": "m.room.member", "state_key": bob.id, "content": { "membership": "invite" } });
    for body in [json!({ "invite": [bob.id] }), json!({ "initial_state": [by_state] })] {
        assert_eq!(error(&server.post(CREATE, Some(&alice), body).await), (403, "M_INVITE_BLOCKED"));
    }
    assert_eq!(error(&server.post(CREATE, None, json!({})).await), (401, "M_MISSING_TOKEN"));
    server.api.users.accounts.set_suspended(&alice.id, true).await.unwrap();
    assert_eq!(error(&server.post(CREATE, Some(&alice), json!({})).await), (403, "M_USER_SUSPENDED"));
}

#[tokio::test]
async fn upgrades() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let upgrade = format!("{CLIENT}/rooms/{room}/upgrade");
    let body = json!({ "new_version": "11" });
    cast.refuses(Method::POST, &upgrade, body.clone(), [FORBIDDEN; 3]).await;
    assert_eq!(error(&server.post(&upgrade, Some(&cast.bob), body.clone()).await), FORBIDDEN);
    for version in ["x", "my_bad_version", ""] {
        let unknown = server.post(&upgrade, Some(&cast.alice), json!({ "new_version": version })).await;
        assert_eq!(error(&unknown), (400, "M_UNSUPPORTED_ROOM_VERSION"));
        let create = format!("{CLIENT}/createRoom");
        let unknown = server.post(&create, Some(&cast.alice), json!({ "room_version": version })).await;
        assert_eq!(error(&unknown), (400, "M_UNSUPPORTED_ROOM_VERSION"));
    }
    let direct = format!("{CLIENT}/user/{}/account_data/m.direct", cast.alice.id);
    let chats = json!({ cast.bob.id.as_str(): [room], "@other:here": ["!other:here"], "odd": 7 });
    assert_eq!(server.put(&direct, Some(&cast.alice), chats).await.0, 200);
    let rule = |room: &str| format!("{CLIENT}/pushrules/global/room/{room}");
    let tags = |who: &User, room: &str| format!("{CLIENT}/user/{}/rooms/{room}/tags", who.id);
    for who in [&cast.alice, &cast.bob] {
        let actions = json!({ "actions": ["dont_notify"] });
        assert_eq!(server.put(&rule(room), Some(who), actions).await.0, 200);
        let tag = format!("{}/u.work", tags(who, room));
        assert_eq!(server.put(&tag, Some(who), json!({ "order": 0.5 })).await.0, 200);
    }
    let (status, answer) = server.post(&upgrade, Some(&cast.alice), body).await;
    assert_eq!(status, 200, "{answer}");
    let new = answer["replacement_room"].as_str().unwrap();
    let chats = json!({ cast.bob.id.as_str(): [room, new], "@other:here": ["!other:here"], "odd": 7 });
    assert_eq!(server.get(&direct, Some(&cast.alice)).await, (200, chats));
    server.act(&cast.alice, new, "invite", json!({ "user_id": cast.bob.id })).await;
    server.act(&cast.bob, new, "join", json!({})).await;
    let by_hand = json!({ "creation_content": { "predecessor": { "room_id": room } } });
    let by_hand = server.create_room(&cast.alice, by_hand).await;
    for (who, successor) in [(&cast.alice, new), (&cast.bob, new), (&cast.alice, &*by_hand)] {
        let (status, kept) = server.get(&rule(successor), Some(who)).await;
        assert_eq!((status, &kept["actions"]), (200, &json!(["dont_notify"])));
        let (_, kept) = server.get(&tags(who, successor), Some(who)).await;
        assert_eq!(kept["tags"], json!({ "u.work": { "order": 0.5 } }));
    }
    assert_eq!(error(&server.get(&rule(&by_hand), Some(&cast.bob)).await), NOT_FOUND);
    let tombstone = server.state(&cast.alice, room, "m.room.tombstone").await;
    assert_eq!(tombstone["replacement_room"], new);
    let create = server.state(&cast.alice, new, "m.room.create").await;
    assert_eq!(create["predecessor"]["room_id"], room.as_str());
    assert_eq!(server.state(&cast.alice, new, "m.room.name").await["name"], "Now");
}

#[tokio::test]
async fn who_may_see_aliases_and_the_summary() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    cast.refuses(Method::GET, "/_matrix/client/v3/rooms/{room}/aliases", Value::Null, [FORBIDDEN; 3]).await;
    let root = server.register("root").await;
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let aliases = format!("/_matrix/client/r0/rooms/{room}/aliases");
    assert_eq!(server.get(&aliases, Some(&root)).await, (200, json!({ "aliases": [] })));

    let summary = format!("/_matrix/client/v1/room_summary/{room}");
    let (status, answer) = server.get(&summary, Some(&cast.bob)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["name"], &answer["num_joined_members"]), (&json!("Now"), &json!(2)));
    assert_eq!((&answer["join_rule"], &answer["membership"]), (&json!("invite"), &json!("join")));
    for who in [None, Some(&cast.stranger), Some(&cast.former), Some(&cast.banned)] {
        assert_eq!(error(&server.get(&summary, who).await), NOT_FOUND);
    }
    server.set_state(&cast.alice, room, "m.room.join_rules", json!({ "join_rule": "public" })).await;
    for who in [None, Some(&cast.stranger), Some(&cast.former)] {
        assert_eq!(server.get(&summary, who).await.0, 200);
    }
    assert_eq!(error(&server.get(&summary, Some(&cast.banned)).await), NOT_FOUND);
    let history = json!({ "history_visibility": "world_readable" });
    server.set_state(&cast.alice, room, "m.room.history_visibility", history).await;
    assert_eq!(server.get(&summary, Some(&cast.banned)).await.0, 200);
    let aliases = format!("{CLIENT}/rooms/{room}/aliases");
    assert_eq!(server.get(&aliases, Some(&cast.stranger)).await, (200, json!({ "aliases": [] })));
    for path in ["rooms/{room}/summary", "summary/{room}"] {
        let path = format!("/_matrix/client/unstable/im.nheko.summary/{}", path.replace("{room}", room));
        assert_eq!(server.get(&path, Some(&cast.bob)).await.0, 200);
    }
    let unknown = server.get("/_matrix/client/v1/room_summary/%23none:localhost:8008", None).await;
    assert_eq!(error(&unknown), NOT_FOUND);
}

#[tokio::test]
async fn a_look_into_a_room() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    server.say(&cast.bob, room, "hello").await;
    let path = format!("{CLIENT}/rooms/{room}/initialSync");
    let (status, now) = server.get(&path, Some(&cast.bob)).await;
    assert_eq!(status, 200, "{now}");
    assert_eq!((&now["membership"], &now["visibility"]), (&json!("join"), &json!("private")));
    let chunk = now["messages"]["chunk"].as_array().unwrap();
    assert_eq!(chunk.last().unwrap()["content"]["body"], "hello");
    let name = |answer: &Value| {
        let state = answer["state"].as_array().unwrap();
        state.iter().find(|event| event["type"] == "m.room.name").unwrap()["content"]["name"].clone()
    };
    assert_eq!(name(&now), "Now");
    // Who left sees what there was.
    let (status, then) = server.get(&path, Some(&cast.former)).await;
    assert_eq!((status, name(&then)), (200, json!("Then")));
    let chunk = then["messages"]["chunk"].as_array().unwrap();
    assert_eq!(chunk.last().unwrap()["content"]["membership"], "leave");
    cast.refuses(Method::GET, &path, Value::Null, [FORBIDDEN, OK, OK]).await;
}

#[tokio::test]
async fn reports_are_kept() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let event = server.say(&cast.alice, room, "spam").await;
    let of_event = format!("{CLIENT}/rooms/{room}/report/{event}");
    cast.refuses(Method::POST, &of_event, json!({ "reason": "x" }), [NOT_FOUND; 3]).await;
    let of_room = format!("{CLIENT}/rooms/{room}/report");
    let of_user = format!("{CLIENT}/users/{}/report", cast.alice.id);
    for path in [&of_event, &of_room, &of_user] {
        let answer = server.post(path, Some(&cast.bob), json!({ "reason": "spam" })).await;
        assert_eq!(answer, (200, json!({})), "{path}");
    }
    for unknown in [
        format!("{CLIENT}/rooms/{room}/report/$none"),
        format!("{CLIENT}/rooms/!none:localhost:8008/report"),
        format!("{CLIENT}/users/@none:localhost:8008/report"),
    ] {
        assert_eq!(error(&server.post(&unknown, Some(&cast.bob), json!({ "reason": "" })).await), NOT_FOUND);
    }
    let long = server.post(&of_room, Some(&cast.bob), json!({ "reason": "x".repeat(100_000) })).await;
    assert_eq!(error(&long), (413, "M_TOO_LARGE"));

    let view = server.api.rooms.store().view();
    let reports: Vec<_> = view.scan(&schema::REPORTS, Scan::all()).map(Result::unwrap).collect();
    // In the same millisecond, and still all there.
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(|((_, reporter), row)| *reporter == cast.bob.id && row.reason == "spam"));
    assert_eq!(reports[0].1.event_id.as_ref().unwrap().as_str(), event);
    assert_eq!(reports[2].1.user_id.as_ref(), Some(&cast.alice.id));
}
