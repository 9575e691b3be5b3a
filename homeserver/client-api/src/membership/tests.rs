use axum::body::Body;
use hearth_rooms::OutOfRoom;
use hearth_spec::{EventTemplate, RoomVersion, SigningKey};
use hearth_storage::schema::rooms::Membership;
use http::Method;
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    room::testing::{CLIENT, Cast, FORBIDDEN, NOT_FOUND, OK},
    testing::{NOWHERE, TestServer, User, error},
};

#[tokio::test]
async fn joining() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let join = format!("{CLIENT}/rooms/{room}/join");
    // By invite only.
    cast.refuses(Method::POST, &join, json!({}), [FORBIDDEN; 3]).await;
    // Who is in may say so again, with a body or without.
    for path in [&join, &format!("{CLIENT}/join/{room}")] {
        let answer = server.ask(Method::POST, path, Some(&cast.bob), Body::empty()).await;
        assert_eq!(answer, (200, json!({ "room_id": room })));
    }
    assert_eq!(server.post(&join, Some(&cast.bob), json!({})).await, (200, json!({ "room_id": room })));
    let signed = json!({ "third_party_signed": { "sender": "@a:b.c", "mxid": "@a:b.c", "token": "t", "signatures": {} } });
    assert_eq!(error(&server.post(&join, Some(&cast.stranger), signed).await), (400, "M_INVALID_PARAM"));

    server.set_state(&cast.alice, room, "m.room.join_rules", json!({ "join_rule": "public" })).await;
    let alias = format!("{CLIENT}/directory/room/%23open:localhost:8008");
    assert_eq!(server.put(&alias, Some(&cast.alice), json!({ "room_id": room })).await.0, 200);
    let by_alias = format!("{CLIENT}/join/%23open:localhost:8008?via=elsewhere.org");
    let body = json!({ "reason": "why not" });
    assert_eq!(server.post(&by_alias, Some(&cast.stranger), body).await, (200, json!({ "room_id": room })));
    let member = server.state(&cast.alice, room, &format!("m.room.member/{}", cast.stranger.id)).await;
    assert_eq!(member, json!({ "displayname": "stranger", "membership": "join", "reason": "why not" }));
    assert_eq!(error(&server.post(&by_alias, Some(&cast.banned), json!({})).await), FORBIDDEN);
    server.api.users.accounts.set_suspended(&cast.former.id, true).await.unwrap();
    assert_eq!(error(&server.post(&join, Some(&cast.former), json!({})).await), (403, "M_USER_SUSPENDED"));
    for unknown in ["!none:localhost:8008", "%23none:localhost:8008"] {
        let answer = server.post(&format!("{CLIENT}/join/{unknown}"), Some(&cast.bob), json!({})).await;
        assert_eq!(error(&answer), NOT_FOUND);
    }
    for away in [format!("!none:{NOWHERE}"), format!("%23none:{NOWHERE}"), format!("!x?via={NOWHERE}")] {
        for action in ["join", "knock"] {
            let answer = server.post(&format!("{CLIENT}/{action}/{away}"), Some(&cast.bob), json!({})).await;
            assert_eq!(error(&answer), (502, "M_UNKNOWN"), "{action} {away}");
        }
    }
}

#[tokio::test]
async fn a_room_that_all_have_left() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    server.act(&alice, &room, "leave", json!({})).await;
    // Nobody elsewhere can have gone on with it.
    server.act(&bob, &room, "join", json!({})).await;
    server.say(&bob, &room, "hello").await;
}

#[tokio::test]
async fn members_of_another_room_may_join() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let club = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let rules =
        json!({ "join_rule": "restricted", "allow": [{ "type": "m.room_membership", "room_id": club }] });
    let initial_state = json!([{ "type": "m.room.join_rules", "content": rules }]);
    let bar = server.create_room(&alice, json!({ "initial_state": initial_state })).await;
    let join = format!("{CLIENT}/rooms/{bar}/join");
    assert_eq!(error(&server.post(&join, Some(&bob), json!({})).await), FORBIDDEN);
    server.act(&bob, &club, "join", json!({})).await;
    server.act(&bob, &bar, "join", json!({})).await;
    let member = server.state(&alice, &bar, &format!("m.room.member/{}", bob.id)).await;
    assert_eq!(member["join_authorised_via_users_server"], alice.id.as_str());
}

#[tokio::test]
async fn inviting() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let invite = format!("{CLIENT}/rooms/{room}/invite");
    let stranger = json!({ "user_id": cast.stranger.id, "reason": "come" });
    cast.refuses(Method::POST, &invite, stranger.clone(), [FORBIDDEN; 3]).await;
    let ask = async |body: Value| error(&server.post(&invite, Some(&cast.bob), body).await).1.to_owned();
    assert_eq!(ask(json!({ "user_id": cast.banned.id })).await, "M_FORBIDDEN");
    assert_eq!(ask(json!({ "user_id": cast.alice.id })).await, "M_FORBIDDEN");
    assert_eq!(ask(json!({ "user_id": "nobody" })).await, "M_BAD_JSON");
    // Their server must sign.
    assert_eq!(ask(json!({ "user_id": format!("@a:{NOWHERE}") })).await, "M_UNKNOWN");
    let email = json!({ "id_server": "a.b", "id_access_token": "c", "medium": "email", "address": "a@b.c" });
    assert_eq!(ask(email).await, "M_SERVER_NOT_TRUSTED");

    let name = format!("{CLIENT}/profile/{}/displayname", cast.stranger.id);
    assert_eq!(server.put(&name, Some(&cast.stranger), json!({ "displayname": "Stan" })).await.0, 200);
    assert_eq!(ask(stranger.clone()).await, "");
    let member = server.state(&cast.alice, room, &format!("m.room.member/{}", cast.stranger.id)).await;
    assert_eq!(member, json!({ "membership": "invite", "displayname": "Stan", "reason": "come" }));
    // Turned down, and never again.
    server.act(&cast.stranger, room, "leave", json!({})).await;
    let block = to_raw_value(&json!({ "default_action": "block" })).unwrap();
    let data = &server.api.users.account_data;
    data.set(&cast.stranger.id, None, "m.invite_permission_config", &block).await.unwrap();
    let by_state = format!("{CLIENT}/rooms/{room}/state/m.room.member/{}", cast.stranger.id);
    for answer in [
        server.post(&invite, Some(&cast.bob), stranger).await,
        server.put(&by_state, Some(&cast.bob), json!({ "membership": "invite" })).await,
    ] {
        assert_eq!(error(&answer), (403, "M_INVITE_BLOCKED"));
    }
}

/// MSC4155: who is blocked learns it, who is ignored does not; and one who is told of no invite finds none in `/sync`.
#[tokio::test]
async fn lists_of_those_whose_invites_are_taken() {
    let server = TestServer::new();
    let mut users = Vec::new();
    for name in ["alice", "friend", "bore", "boss"] {
        users.push(server.register(name).await);
    }
    let [alice, friend, bore, boss] = <[User; 4]>::try_from(users).unwrap();
    let lists = json!({
        "allowed_users": [friend.id], "ignored_users": ["@bo?e:*"], "blocked_servers": ["local*"],
        "blocked_users": null,
    });
    let data = |name: &str| format!("{CLIENT}/user/{}/account_data/{name}", alice.id);
    let set = async |name: &str, content| server.put(&data(name), Some(&alice), content).await.0;
    assert_eq!(set("org.matrix.msc4155.invite_permission_config", lists).await, 200);
    let mut rooms = Vec::new();
    for (who, wanted) in [(&friend, ""), (&bore, ""), (&boss, "M_INVITE_BLOCKED")] {
        let room = server.create_room(who, json!({})).await;
        let path = format!("{CLIENT}/rooms/{room}/invite");
        let answer = server.post(&path, Some(who), json!({ "user_id": alice.id })).await;
        assert_eq!(error(&answer).1, wanted);
        rooms.push(room);
    }
    let invites = async || {
        let (_, answer) = server.get(&format!("{CLIENT}/sync"), Some(&alice)).await;
        answer["rooms"]["invite"].as_object().map_or_else(Vec::new, |rooms| rooms.keys().cloned().collect())
    };
    assert_eq!(invites().await, [rooms[0].clone()]);
    // Who takes none is told of none, also of those that came before.
    assert_eq!(set("m.invite_permission_config", json!({ "default_action": "block" })).await, 200);
    assert!(invites().await.is_empty());
    let room = server.create_room(&friend, json!({})).await;
    let path = format!("{CLIENT}/rooms/{room}/invite");
    let answer = server.post(&path, Some(&friend), json!({ "user_id": alice.id })).await;
    assert_eq!(error(&answer), (403, "M_INVITE_BLOCKED"));
    assert_eq!(set("m.invite_permission_config", json!({})).await, 200);
    assert_eq!(invites().await, [rooms[0].clone()]);
}

#[tokio::test]
async fn knocking() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let knock = format!("{CLIENT}/knock/{room}");
    cast.refuses(Method::POST, &knock, json!({}), [FORBIDDEN; 3]).await;
    server.set_state(&cast.alice, room, "m.room.join_rules", json!({ "join_rule": "knock" })).await;
    let answer = server.post(&knock, Some(&cast.stranger), json!({ "reason": "please" })).await;
    assert_eq!(answer, (200, json!({ "room_id": room })));
    let member = server.state(&cast.alice, room, &format!("m.room.member/{}", cast.stranger.id)).await;
    assert_eq!(member, json!({ "displayname": "stranger", "membership": "knock", "reason": "please" }));
    assert_eq!(error(&server.post(&knock, Some(&cast.banned), json!({})).await), FORBIDDEN);
    assert_eq!(error(&server.post(&knock, Some(&cast.bob), json!({})).await), FORBIDDEN);
    server.act(&cast.alice, room, "invite", json!({ "user_id": cast.stranger.id })).await;
    server.act(&cast.stranger, room, "join", json!({})).await;
}

#[tokio::test]
async fn leaving_and_forgetting() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let (leave, forget) = (format!("{CLIENT}/rooms/{room}/leave"), format!("{CLIENT}/rooms/{room}/forget"));
    cast.refuses(Method::POST, &leave, json!({}), [FORBIDDEN, OK, FORBIDDEN]).await;
    assert_eq!(error(&server.post(&forget, Some(&cast.bob), json!({})).await), (400, "M_UNKNOWN"));
    // A suspended user may still go.
    server.api.users.accounts.set_suspended(&cast.bob.id, true).await.unwrap();
    server.act(&cast.bob, room, "leave", json!({ "reason": "bye" })).await;
    server.act(&cast.bob, room, "leave", json!({})).await;
    let member = server.state(&cast.alice, room, &format!("m.room.member/{}", cast.bob.id)).await;
    assert_eq!(member, json!({ "membership": "leave", "reason": "bye" }));
    let state = format!("{CLIENT}/rooms/{room}/state/m.room.name");
    assert_eq!(server.get(&state, Some(&cast.bob)).await, (200, json!({ "name": "Now" })));
    cast.refuses(Method::POST, &forget, json!({}), [FORBIDDEN, OK, OK]).await;
    server.act(&cast.bob, room, "forget", json!({})).await;
    for who in [&cast.bob, &cast.former, &cast.banned] {
        assert_eq!(error(&server.get(&state, Some(who)).await), FORBIDDEN);
    }
}

/// An invite to a room that is not here, by a server that does not answer.
#[tokio::test]
async fn an_invite_from_elsewhere() {
    let server = TestServer::new();
    let bob = server.register("bob").await;
    let room = format!("!room:{NOWHERE}");
    invite_from_elsewhere(&server, &bob, &room).await;
    let path = |action: &str| format!("{CLIENT}/rooms/{room}/{action}");
    let post = async |action: &str| server.post(&path(action), Some(&bob), json!({})).await;
    assert_eq!(error(&post("join").await), (502, "M_UNKNOWN"));
    assert_eq!(error(&post("forget").await), (400, "M_UNKNOWN"));
    // One is rid of it all the same.
    assert_eq!(post("leave").await, (200, json!({})));
    assert_eq!(post("leave").await, (200, json!({})));
    assert_eq!(post("forget").await, (200, json!({})));
    let other = server.register("other").await;
    assert_eq!(error(&server.post(&path("leave"), Some(&other), json!({})).await), FORBIDDEN);
}

async fn invite_from_elsewhere(server: &TestServer, invitee: &User, room: &str) {
    let key = SigningKey::generate([8; 32], "1").unwrap();
    let template = EventTemplate {
        event_type: "m.room.member".to_owned(),
        state_key: Some(invitee.id.to_string()),
        content: to_raw_value(&json!({ "membership": "invite" })).unwrap(),
        sender: format!("@a:{NOWHERE}").try_into().unwrap(),
        room_id: Some(room.try_into().unwrap()),
        origin_server_ts: 1,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 7,
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let event = template.seal(RoomVersion::V10, NOWHERE.try_into().unwrap(), &key).unwrap();
    let note = OutOfRoom {
        room_id: room.try_into().unwrap(),
        version: RoomVersion::V10,
        event,
        user: invitee.id.clone(),
        membership: Membership::Invite,
        stripped_state: Some("[]".to_owned()),
    };
    server.api.rooms.note_membership(note).await.unwrap();
}

#[tokio::test]
async fn kicking_and_banning() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let path = |action: &str| format!("{CLIENT}/rooms/{room}/{action}");
    let of = |user: &crate::testing::User| json!({ "user_id": user.id, "reason": "rude" });
    for action in ["kick", "ban", "unban"] {
        cast.refuses(Method::POST, &path(action), of(&cast.bob), [FORBIDDEN; 3]).await;
    }
    for action in ["kick", "ban"] {
        let answer = server.post(&path(action), Some(&cast.bob), of(&cast.alice)).await;
        assert_eq!(error(&answer), FORBIDDEN, "{action}");
    }
    for user in [&cast.stranger, &cast.former, &cast.banned] {
        assert_eq!(error(&server.post(&path("kick"), Some(&cast.alice), of(user)).await), FORBIDDEN);
    }
    let unbanned = server.post(&path("unban"), Some(&cast.alice), of(&cast.bob)).await;
    assert_eq!(error(&unbanned), (403, "M_BAD_STATE"));
    assert_eq!(error(&server.post(&path("unban"), Some(&cast.bob), of(&cast.banned)).await), FORBIDDEN);

    server.act(&cast.alice, room, "kick", of(&cast.bob)).await;
    let state = format!("m.room.member/{}", cast.bob.id);
    assert_eq!(
        server.state(&cast.alice, room, &state).await,
        json!({ "membership": "leave", "reason": "rude" })
    );
    server.act(&cast.alice, room, "unban", of(&cast.banned)).await;
    server.act(&cast.alice, room, "invite", json!({ "user_id": cast.banned.id })).await;
    server.act(&cast.banned, room, "join", json!({})).await;
    server.api.users.accounts.set_suspended(&cast.alice.id, true).await.unwrap();
    let suspended = server.post(&path("ban"), Some(&cast.alice), of(&cast.banned)).await;
    assert_eq!(error(&suspended), (403, "M_USER_SUSPENDED"));
}

#[tokio::test]
async fn who_is_in_a_room() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let members = async |who: &crate::testing::User, query: &str| {
        let (status, answer) = server.get(&format!("{CLIENT}/rooms/{room}/members{query}"), Some(who)).await;
        assert_eq!(status, 200, "{answer}");
        let member = |event: &Value| {
            let name = event["state_key"].as_str().unwrap()[1..].split(':').next().unwrap().to_owned();
            format!("{name} {}", event["content"]["membership"].as_str().unwrap())
        };
        let mut members: Vec<_> = answer["chunk"].as_array().unwrap().iter().map(member).collect();
        members.sort();
        members
    };
    let all = ["alice join", "banned ban", "bob join", "former leave"];
    assert_eq!(members(&cast.bob, "").await, all);
    assert_eq!(members(&cast.bob, "?membership=join").await, ["alice join", "bob join"]);
    assert_eq!(members(&cast.bob, "?not_membership=join").await, ["banned ban", "former leave"]);
    assert_eq!(
        members(&cast.bob, "?membership=ban&not_membership=leave").await,
        ["alice join", "banned ban", "bob join"]
    );
    // When the former member left, the other was not banned yet.
    let then = ["alice join", "banned join", "bob join", "former leave"];
    assert_eq!(members(&cast.former, "").await, then);
    cast.refuses(Method::GET, "/_matrix/client/v3/rooms/{room}/members", Value::Null, [FORBIDDEN, OK, OK])
        .await;

    let at = hearth_sync::TimelineToken::from(server.api.sync.position()).to_string();
    server.act(&cast.bob, room, "leave", json!({})).await;
    assert!(members(&cast.alice, "").await.contains(&"bob leave".to_owned()));
    assert_eq!(members(&cast.alice, &format!("?at={at}")).await, all);
    let wrong = server.get(&format!("{CLIENT}/rooms/{room}/members?at=x"), Some(&cast.alice)).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));
}

#[tokio::test]
async fn joined_rooms_and_members() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let name = format!("{CLIENT}/profile/{}/displayname", cast.bob.id);
    assert_eq!(server.put(&name, Some(&cast.bob), json!({ "displayname": "Bob" })).await.0, 200);
    let members = format!("{CLIENT}/rooms/{room}/joined_members");
    let profile = |name: &str| json!({ "display_name": name, "avatar_url": null });
    let (alice, bob) = (cast.alice.id.as_str(), cast.bob.id.as_str());
    let wanted = json!({ "joined": { alice: profile("alice"), bob: profile("Bob") } });
    assert_eq!(server.get(&members, Some(&cast.alice)).await, (200, wanted));
    cast.refuses(Method::GET, &members, Value::Null, [FORBIDDEN; 3]).await;

    let rooms = format!("{CLIENT}/joined_rooms");
    assert_eq!(server.get(&rooms, Some(&cast.bob)).await, (200, json!({ "joined_rooms": [room] })));
    assert_eq!(server.get(&rooms, Some(&cast.former)).await, (200, json!({ "joined_rooms": [] })));
    assert_eq!(error(&server.get(&rooms, None).await), (401, "M_MISSING_TOKEN"));
}

#[tokio::test]
async fn mutual_rooms() {
    let cast = Cast::new().await;
    let server = &cast.server;
    let path = |user: &str| format!("/_matrix/client/v1/mutual_rooms?user_id={user}");
    let with = async |user: &str| server.get(&path(user), Some(&cast.alice)).await;
    assert_eq!(with(cast.bob.id.as_str()).await, (200, json!({ "joined": [cast.room], "count": 1 })));
    for none in [cast.former.id.as_str(), "@none:localhost:8008"] {
        assert_eq!(with(none).await, (200, json!({ "joined": [], "count": 0 })));
    }
    assert_eq!(error(&with(cast.alice.id.as_str()).await), (400, "M_INVALID_PARAM"));
    let unstable = "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms";
    let before = server.get(&format!("{unstable}?user_id={}", cast.bob.id), Some(&cast.alice)).await;
    assert_eq!(before, (200, json!({ "joined": [cast.room] })));
    let wrong = format!("{}&from=x", path(cast.bob.id.as_str()));
    assert_eq!(error(&server.get(&wrong, Some(&cast.alice)).await), (400, "M_INVALID_PARAM"));
    assert_eq!(server.get("/_matrix/client/v1/mutual_rooms", Some(&cast.alice)).await.0, 400);
    assert_eq!(error(&server.get(&path(cast.bob.id.as_str()), None).await), (401, "M_MISSING_TOKEN"));
}

#[tokio::test]
async fn guests_are_in_rooms_that_let_them() {
    let server = TestServer::new();
    let (alice, guest) = (server.register("alice").await, server.register_guest().await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let join = format!("{CLIENT}/rooms/{room}/join");
    let refused = (403, "M_GUEST_ACCESS_FORBIDDEN");
    assert_eq!(error(&server.post(&join, Some(&guest), json!({})).await), refused);
    let by_state = format!("{CLIENT}/rooms/{room}/state/m.room.member/{}", guest.id);
    assert_eq!(error(&server.put(&by_state, Some(&guest), json!({ "membership": "join" })).await), refused);
    server.set_state(&alice, &room, "m.room.guest_access", json!({ "guest_access": "can_join" })).await;
    let (status, joined) = server.post(&format!("{CLIENT}/join/{room}"), Some(&guest), json!({})).await;
    assert_eq!((status, &joined["room_id"]), (200, &json!(room)));
    server.say(&guest, &room, "hello").await;
    // What a guest's client asks besides.
    for path in ["capabilities", "joined_rooms", "publicRooms", &format!("rooms/{room}/joined_members")] {
        assert_eq!(server.get(&format!("{CLIENT}/{path}"), Some(&guest)).await.0, 200, "{path}");
    }
    assert_eq!(server.post(&format!("{CLIENT}/publicRooms"), Some(&guest), json!({})).await.0, 200);
    for (path, body) in [("invite", json!({ "user_id": alice.id })), ("kick", json!({ "user_id": alice.id }))]
    {
        assert_eq!(
            error(&server.post(&format!("{CLIENT}/rooms/{room}/{path}"), Some(&guest), body).await),
            refused
        );
    }
    server.set_state(&alice, &room, "m.room.guest_access", json!({ "guest_access": "forbidden" })).await;
    assert_eq!(
        server.state(&alice, &room, &format!("m.room.member/{}", guest.id)).await["membership"],
        "leave"
    );
}

#[tokio::test]
async fn a_join_may_bring_content_of_its_own() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let body = json!({ "a.b": 1, "reason": "why not", "membership": "ban", "displayname": "Eve" });
    let join = server.post(&format!("{CLIENT}/rooms/{room}/join"), Some(&bob), body).await;
    assert_eq!(join.0, 200, "{}", join.1);
    let member = server.state(&alice, &room, &format!("m.room.member/{}", bob.id)).await;
    assert_eq!(member, json!({ "a.b": 1, "reason": "why not", "membership": "join", "displayname": "bob" }));
}

#[tokio::test]
async fn a_token_from_before_the_room_is_of_its_first_member() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let messages = format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=50");
    let all = server.get(&messages, Some(&alice)).await.1;
    let before = all["end"].as_str().unwrap();
    assert_eq!(server.post(&format!("{CLIENT}/rooms/{room}/join"), Some(&bob), json!({})).await.0, 200);
    let path = format!("{CLIENT}/rooms/{room}/members?at={before}");
    let members = server.get(&path, Some(&alice)).await.1;
    let members: Vec<&str> = members["chunk"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["state_key"].as_str().unwrap())
        .collect();
    assert_eq!(members, [alice.id.as_str()]);
}
