//! What servers and users get who are banned from this whole server.

use hearth_rooms::Room;
use hearth_spec::{BanKind, RoomVersion};
use hearth_storage::schema::rooms::BanRow;
use ruma::owned_room_id;
use serde_json::{Value, json};

use crate::server::testing::{TestServer, error, here, there};

const FORBIDDEN: (u16, &str) = (403, "M_FORBIDDEN");

async fn server_with_room() -> (TestServer, Room) {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = server.public_room(&alice, RoomVersion::V11).await;
    (server, room)
}

async fn ban(server: &TestServer, kind: BanKind, glob: &str) {
    let row = BanRow { by: here("root"), at: 1, reason: None };
    server.federation.rooms().bans().ban(kind, glob, row, server.federation.server_name()).await.unwrap();
}

/// Sends what a user of `there` says in a room: what is told of it.
async fn say(server: &TestServer, room: &Room, user: &str, body: &str) -> (String, Value) {
    let auth = [("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.member", user)];
    let auth = auth.map(|(kind, key)| room.state_event(kind, key).unwrap().unwrap().id().to_owned());
    let draft = json!({
        "type": "m.room.message", "sender": user, "room_id": room.id(), "depth": 100,
        "content": { "msgtype": "m.text", "body": body },
        "prev_events": room.state_event("m.room.member", user).unwrap().map(|event| [event.id().to_owned()]),
        "auth_events": auth,
    });
    let pdu = server.seal(RoomVersion::V11, &draft);
    let text: Value = serde_json::from_str(pdu.text()).unwrap();
    let sent = json!({ "origin": "there", "origin_server_ts": 1, "pdus": [text] });
    let (status, answer) = server.put(&format!("/_matrix/federation/v1/send/{body}"), sent).await;
    assert_eq!(status, 200, "{answer}");
    (pdu.event_id().to_string(), answer["pdus"][pdu.event_id().as_str()].clone())
}

#[tokio::test]
async fn a_banned_server_is_told_nothing_but_keys() {
    let (server, room) = server_with_room().await;
    server.join(&room, &there("bob")).await;
    let state = format!("/_matrix/federation/v1/state_ids/{}?event_id=$x", room.id());
    assert_ne!(error(&server.get(&state).await), FORBIDDEN);
    ban(&server, BanKind::Server, "th?re").await;
    assert_eq!(error(&server.get(&state).await), FORBIDDEN);
    let sent = json!({ "origin": "there", "origin_server_ts": 1, "pdus": [] });
    assert_eq!(error(&server.put("/_matrix/federation/v1/send/1", sent).await), FORBIDDEN);
    assert_eq!(
        error(&server.get("/_matrix/federation/v1/query/profile?user_id=@alice:here").await),
        FORBIDDEN
    );
    assert_eq!(server.get("/_matrix/key/v2/server").await.0, 200);
    server.federation.rooms().bans().lift(BanKind::Server, "th?re").await.unwrap();
    assert_eq!(server.get("/_matrix/federation/v1/query/profile?user_id=@alice:here").await.0, 200);
}

#[tokio::test]
async fn a_banned_user_neither_joins_nor_invites_nor_is_heard() {
    let (server, room) = server_with_room().await;
    for name in ["bob", "spam1"] {
        assert_eq!(server.join(&room, &there(name)).await.0, 200);
    }
    let drafted = server.join_event(&room, &there("spam2")).await;
    ban(&server, BanKind::User, "@spam*:*").await;

    let draft = format!("/_matrix/federation/v1/make_join/{}/@spam3:there?ver=11", room.id());
    assert_eq!(error(&server.get(&draft).await), FORBIDDEN);
    // A draft of before the ban is of no use either.
    assert_eq!(error(&server.put_pdu("v2/send_join", &drafted).await), FORBIDDEN);
    assert!(!room.is_joined(&there("spam2")).unwrap());

    let invite = json!({
        "type": "m.room.member", "state_key": "@alice:here", "sender": "@spam1:there",
        "room_id": owned_room_id!("!theirs:there"), "depth": 9, "content": { "membership": "invite" },
        "prev_events": ["$prev"], "auth_events": ["$auth"],
    });
    let invite = server.seal(RoomVersion::V11, &invite);
    let path = format!("/_matrix/federation/v2/invite/{}/{}", invite.room_id(), invite.event_id());
    let event: Value = serde_json::from_str(invite.text()).unwrap();
    let body = json!({ "room_version": "11", "event": event, "invite_room_state": [] });
    assert_eq!(error(&server.put(&path, body).await), FORBIDDEN);

    // What they say is kept and not shown, as others may refer to it; the rest of their server is heard.
    let in_timeline = |id: &str| {
        let event = room.event(id.try_into().unwrap()).unwrap();
        event.is_some_and(|event| event.order().is_some())
    };
    let (said, outcome) = say(&server, &room, "@spam1:there", "buy").await;
    assert_eq!((in_timeline(&said), outcome), (false, json!({})));
    let (said, _) = say(&server, &room, "@bob:there", "hello").await;
    assert!(in_timeline(&said));

    let leave = format!("/_matrix/federation/v1/make_leave/{}/@spam1:there", room.id());
    let (_, draft) = server.get(&leave).await;
    let leave = server.seal(RoomVersion::V11, &draft["event"]);
    assert_eq!(server.put_pdu("v2/send_leave", &leave).await.0, 200);
    assert!(!room.is_joined(&there("spam1")).unwrap());
}

#[tokio::test]
async fn a_banned_alias_is_not_found() {
    let (server, room) = server_with_room().await;
    let alias = ruma::room_alias_id!("#free-money:here");
    server.federation.rooms().set_alias(alias, &room, &here("alice")).await.unwrap();
    let query = "/_matrix/federation/v1/query/directory?room_alias=%23free-money:here";
    assert_eq!(server.get(query).await.0, 200);
    ban(&server, BanKind::Alias, "#free-*:*").await;
    assert_eq!(error(&server.get(query).await), (404, "M_NOT_FOUND"));
}
