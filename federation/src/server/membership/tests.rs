use hearth_rooms::Room;
use hearth_spec::{EventTemplate, Pdu, RoomVersion};
use hearth_storage::schema::rooms::Membership;
use http::Method;
use ruma::{OwnedRoomId, UserId, owned_room_id};
use serde_json::{Value, json};

use crate::server::testing::{TestServer, error, here, there};

async fn server_with_room(version: RoomVersion) -> (TestServer, Room) {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = server.public_room(&alice, version).await;
    (server, room)
}

/// The ids of the events of a list that are of this type.
fn of_type<'a>(list: &'a Value, kind: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().filter(|event| event["type"] == kind).collect()
}

#[tokio::test]
async fn a_join_hands_out_the_room() {
    for version in [RoomVersion::V10, RoomVersion::V12] {
        let (server, room) = server_with_room(version).await;
        let (status, answer) = server.join(&room, &there("bob")).await;
        assert_eq!(status, 200, "{answer}");
        assert!(room.is_joined(&there("bob")).unwrap());
        assert_eq!(answer["members_omitted"], false);
        assert_eq!(answer["servers_in_room"], json!(["here"]));
        assert_eq!(of_type(&answer["state"], "m.room.create").len(), 1);
        assert_eq!(of_type(&answer["state"], "m.room.member").len(), 1, "the state before the join");
        assert_eq!(of_type(&answer["auth_chain"], "m.room.create").len(), 1);
        assert_eq!(answer["event"]["state_key"], "@bob:there");
    }
}

#[tokio::test]
async fn first_versions_answer_with_a_status_and_a_body() {
    let (server, room) = server_with_room(RoomVersion::V10).await;
    let join = server.join_event(&room, &there("bob")).await;
    let (status, answer) = server.put_pdu("v1/send_join", &join).await;
    assert_eq!((status, &answer[0]), (200, &json!(200)), "{answer}");
    assert_eq!(of_type(&answer[1]["state"], "m.room.create").len(), 1);
    assert!(room.is_joined(&there("bob")).unwrap());
    // What the second versions refuse, these do.
    let (status, answer) = server.put_pdu("v1/send_leave", &join).await;
    assert_eq!((status, &answer["errcode"]), (400, &json!("M_INVALID_PARAM")), "{answer}");
    let (_, draft) = server.get(&format!("/_matrix/federation/v1/make_leave/{}/@bob:there", room.id())).await;
    let leave = server.seal(RoomVersion::V10, &draft["event"]);
    assert_eq!(server.put_pdu("v1/send_leave", &leave).await, (200, json!([200, {}])));
    assert!(!room.is_joined(&there("bob")).unwrap());
}

#[tokio::test]
async fn a_join_may_do_without_the_members() {
    let (server, room) = server_with_room(RoomVersion::V11).await;
    let join = async |name: &str| {
        let join = server.join_event(&room, &there(name)).await;
        let path = format!("/_matrix/federation/v2/send_join/{}/{}", room.id(), join.event_id());
        let (status, answer) =
            server.ask(Method::PUT, &format!("{path}?omit_members=true"), join.text()).await;
        assert_eq!((status, &answer["members_omitted"]), (200, &json!(true)), "{answer}");
        assert_eq!(answer["servers_in_room"][0], "here");
        assert_eq!(of_type(&answer["state"], "m.room.create").len(), 1);
        assert_eq!(of_type(&answer["auth_chain"], "m.room.create").len(), 0, "it was told already");
        answer
    };
    let named = join("bob").await;
    assert_eq!(of_type(&named["state"], "m.room.member").len(), 0);
    let creator = of_type(&named["auth_chain"], "m.room.member");
    assert_eq!(creator[0]["state_key"], "@alice:here", "the power levels stand on it");
    server.set(&room, &here("alice"), "m.room.name", json!({ "name": "" })).await;
    let nameless = join("carol").await;
    assert_eq!(of_type(&nameless["state"], "m.room.member").len(), 2, "by whom it is called");
}

#[tokio::test]
async fn who_may_not_join_gets_no_draft() {
    let (server, room) = server_with_room(RoomVersion::V11).await;
    let draft = |user: &str, ver: &str| {
        let path = format!("/_matrix/federation/v1/make_join/{}/{user}?ver={ver}", room.id());
        let server = &server;
        async move { server.get(&path).await }
    };
    let answer = draft("@bob:there", "10").await;
    assert_eq!(error(&answer), (400, "M_INCOMPATIBLE_ROOM_VERSION"));
    assert_eq!(answer.1["room_version"], "11");
    assert_eq!(error(&draft("@bob:elsewhere", "11").await), (403, "M_FORBIDDEN"));
    let unknown = server.get("/_matrix/federation/v1/make_join/!no:here/@bob:there?ver=11").await;
    assert_eq!(error(&unknown), (404, "M_NOT_FOUND"));

    server.set(&room, &here("alice"), "m.room.join_rules", json!({ "join_rule": "invite" })).await;
    assert_eq!(error(&draft("@bob:there", "11").await), (403, "M_FORBIDDEN"));
    server.set(&room, &here("alice"), "m.room.join_rules", json!({ "join_rule": "public" })).await;
    let acl = json!({ "allow": ["*"], "deny": ["there"] });
    server.set(&room, &here("alice"), "m.room.server_acl", acl).await;
    assert_eq!(error(&draft("@bob:there", "11").await), (403, "M_FORBIDDEN"));
}

#[tokio::test]
async fn only_joins_of_their_own_users_are_taken_in() {
    let (server, room) = server_with_room(RoomVersion::V11).await;
    let path = format!("/_matrix/federation/v1/make_join/{}/@bob:there?ver=11", room.id());
    let (_, draft) = server.get(&path).await;
    let with = |key: &str, value: Value| {
        let mut draft = draft["event"].clone();
        draft[key] = value;
        server.seal(RoomVersion::V11, &draft)
    };
    for wrong in [
        with("state_key", json!("@eve:there")),
        with("sender", json!("@bob:here")),
        with("content", json!({ "membership": "leave" })),
        with("type", json!("m.room.message")),
    ] {
        let answer = server.put_pdu("v2/send_join", &wrong).await;
        assert_eq!(error(&answer), (400, "M_INVALID_PARAM"), "{}", wrong.text());
    }
    let unsigned =
        with("content", json!({ "membership": "join" })).text().replace("\"ed25519:t\"", "\"ed25519:u\"");
    let unsigned = Pdu::parse(RoomVersion::V11, &unsigned).unwrap();
    assert_eq!(error(&server.put_pdu("v2/send_join", &unsigned).await), (400, "M_INVALID_PARAM"));
    assert!(!room.is_joined(&there("bob")).unwrap());
}

#[tokio::test]
async fn a_restricted_join_is_vouched_for() {
    let (server, room) = server_with_room(RoomVersion::V11).await;
    let club = server.public_room(&here("alice"), RoomVersion::V11).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club.id() }]);
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    server.set(&room, &here("alice"), "m.room.join_rules", rule).await;

    let path = format!("/_matrix/federation/v1/make_join/{}/@bob:there?ver=11", room.id());
    assert_eq!(error(&server.get(&path).await), (403, "M_FORBIDDEN"));
    assert_eq!(server.join(&club, &there("bob")).await.0, 200);
    let (status, answer) = server.join(&room, &there("bob")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["event"]["content"]["join_authorised_via_users_server"], "@alice:here");
    assert!(answer["event"]["signatures"]["here"].is_object());

    let allow = json!([{ "type": "m.room_membership", "room_id": "!elsewhere:x" }]);
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    server.set(&room, &here("alice"), "m.room.join_rules", rule).await;
    let path = format!("/_matrix/federation/v1/make_join/{}/@carol:there?ver=11", room.id());
    assert_eq!(error(&server.get(&path).await), (400, "M_UNABLE_TO_AUTHORISE_JOIN"));
}

#[tokio::test]
async fn a_leave_and_a_knock() {
    let (server, room) = server_with_room(RoomVersion::V11).await;
    server.join(&room, &there("bob")).await;
    let (_, draft) = server.get(&format!("/_matrix/federation/v1/make_leave/{}/@bob:there", room.id())).await;
    let leave = server.seal(RoomVersion::V11, &draft["event"]);
    assert_eq!(server.put_pdu("v2/send_leave", &leave).await, (200, json!({})));
    assert!(!room.is_joined(&there("bob")).unwrap());

    server.set(&room, &here("alice"), "m.room.join_rules", json!({ "join_rule": "knock" })).await;
    let (status, draft) =
        server.get(&format!("/_matrix/federation/v1/make_knock/{}/@bob:there?ver=11", room.id())).await;
    assert_eq!(status, 200, "{draft}");
    let knock = server.seal(RoomVersion::V11, &draft["event"]);
    let (status, answer) = server.put_pdu("v1/send_knock", &knock).await;
    assert_eq!(status, 200, "{answer}");
    let told = answer["knock_room_state"].as_array().unwrap();
    assert!(told.iter().any(|event| event["type"] == "m.room.name" && event["signatures"].is_object()));
    assert_eq!(room.membership(&there("bob")).unwrap().map(|row| row.membership), Some(Membership::Knock));
}

fn invite(server: &TestServer, room: OwnedRoomId, invitee: &str) -> Pdu {
    let draft = json!({
        "type": "m.room.member", "state_key": invitee, "sender": "@bob:there", "room_id": room, "depth": 9,
        "content": { "membership": "invite" }, "prev_events": ["$prev"], "auth_events": ["$auth"],
    });
    server.seal(RoomVersion::V11, &draft)
}

async fn put_invite(server: &TestServer, invite: &Pdu, version: &str) -> (u16, Value) {
    let path = format!("/_matrix/federation/v2/invite/{}/{}", invite.room_id(), invite.event_id());
    let event: Value = serde_json::from_str(invite.text()).unwrap();
    let name = json!({ "type": "m.room.name", "state_key": "", "sender": "@bob:there", "content": {} });
    let body = json!({ "room_version": version, "event": event, "invite_room_state": [name] });
    server.put(&path, body).await
}

#[tokio::test]
async fn an_invite_is_signed_and_told() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = owned_room_id!("!theirs:there");
    let event = invite(&server, room.clone(), "@alice:here");
    let (status, answer) = put_invite(&server, &event, "11").await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["event"]["signatures"]["here"].is_object());
    assert!(answer["event"]["signatures"]["there"].is_object());
    let (_, _, row) = server.federation.rooms().out_of_room(&alice, &room).unwrap().unwrap();
    assert_eq!(row.membership, Membership::Invite);
    let told: Value = serde_json::from_str(&row.stripped_state.unwrap()).unwrap();
    assert_eq!(told[0]["type"], "m.room.name");
    assert_eq!(told[1]["state_key"], "@alice:here");
}

#[tokio::test]
async fn invites_that_are_refused() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = owned_room_id!("!theirs:there");
    let answer = |invitee: &str, version: &str| {
        let event = invite(&server, room.clone(), invitee);
        let (server, version) = (&server, version.to_owned());
        async move { put_invite(server, &event, &version).await }
    };
    assert_eq!(error(&answer("@alice:here", "99").await), (400, "M_INCOMPATIBLE_ROOM_VERSION"));
    assert_eq!(error(&answer("@bob:there", "11").await), (400, "M_INVALID_PARAM"));
    assert_eq!(error(&answer("@nobody:here", "11").await), (404, "M_NOT_FOUND"));
    let block = serde_json::value::to_raw_value(&json!({ "default_action": "block" })).unwrap();
    let account_data = &server.federation.users().account_data;
    account_data.set(&alice, None, "m.invite_permission_config", &block).await.unwrap();
    assert_eq!(error(&answer("@alice:here", "11").await), (403, "M_INVITE_BLOCKED"));
    account_data.delete(&alice, None, "m.invite_permission_config").await.unwrap();
    let lists = serde_json::value::to_raw_value(&json!({ "blocked_servers": ["th?re"] })).unwrap();
    account_data.set(&alice, None, "org.matrix.msc4155.invite_permission_config", &lists).await.unwrap();
    assert_eq!(error(&answer("@alice:here", "11").await), (403, "M_INVITE_BLOCKED"));
    assert!(server.federation.rooms().out_of_room(&alice, &room).unwrap().is_none());
    // Who is ignored does not learn it.
    let lists = serde_json::value::to_raw_value(&json!({ "ignored_servers": ["th?re"] })).unwrap();
    account_data.set(&alice, None, "org.matrix.msc4155.invite_permission_config", &lists).await.unwrap();
    assert_eq!(answer("@alice:here", "11").await.0, 200);
}

#[tokio::test]
async fn what_comes_with_an_invite_is_whole_events_where_they_make_the_rooms_id() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let template = |event_type: &str, content: Value, room_id: Option<OwnedRoomId>| EventTemplate {
        event_type: event_type.to_owned(),
        state_key: Some(String::new()),
        content: serde_json::value::to_raw_value(&content).unwrap(),
        sender: there("bob"),
        room_id,
        origin_server_ts: 1,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 1,
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    };
    let version = RoomVersion::V12;
    let create =
        server.seal_template(version, template("m.room.create", json!({ "room_version": "12" }), None));
    let room = create.room_id().to_owned();
    let name = template("m.room.name", json!({ "name": "Theirs" }), Some(room.clone()));
    let name: Value = serde_json::from_str(server.seal_template(version, name).text()).unwrap();
    let create: Value = serde_json::from_str(create.text()).unwrap();
    let member = EventTemplate {
        state_key: Some(alice.to_string()),
        ..template("m.room.member", json!({ "membership": "invite" }), Some(room.clone()))
    };
    let invite = server.seal_template(version, member);
    let put = async |state: &[&Value]| {
        let path = format!("/_matrix/federation/v2/invite/{room}/{}", invite.event_id());
        let event: Value = serde_json::from_str(invite.text()).unwrap();
        server.put(&path, json!({ "room_version": "12", "event": event, "invite_room_state": state })).await
    };
    let forged = json!({
        "type": "m.room.name", "state_key": "", "sender": "@admin:elsewhere", "content": { "name": "Support" },
    });
    for state in [&[&name][..], &[&create, &name, &forged], &[&create, &json!({})]] {
        assert_eq!(error(&put(state).await), (400, "M_INVALID_PARAM"), "{state:?}");
    }
    assert!(server.federation.rooms().out_of_room(&alice, &room).unwrap().is_none());
    assert_eq!(put(&[&create, &name]).await.0, 200);
    assert!(server.federation.rooms().out_of_room(&alice, &room).unwrap().is_some());
}

#[tokio::test]
async fn the_first_version_of_invites() {
    let server = TestServer::new().await;
    server.register("alice").await;
    let template = EventTemplate {
        event_type: "m.room.member".to_owned(),
        state_key: Some("@alice:here".to_owned()),
        content: serde_json::value::to_raw_value(&json!({ "membership": "invite" })).unwrap(),
        sender: there("bob"),
        room_id: Some(owned_room_id!("!old:there")),
        origin_server_ts: 1,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 3,
        redacts: None,
        sticky: None,
        event_id_localpart: Some("invite".to_owned()),
    };
    let event = server.seal_template(RoomVersion::V2, template);
    let (status, answer) = server.put_pdu("v1/invite", &event).await;
    assert_eq!((status, &answer[0]), (200, &json!(200)), "{answer}");
    assert!(answer[1]["event"]["signatures"]["here"].is_object());
    let user: &UserId = &here("alice");
    assert!(server.federation.rooms().out_of_room(user, event.room_id()).unwrap().is_some());
}
