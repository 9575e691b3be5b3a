use ruma::owned_user_id;
use serde_json::{json, value::to_raw_value};

use super::{ADMIN, server};
use crate::testing::{PASSWORD, TestServer, error};

#[tokio::test]
async fn a_room_is_blocked_and_opened_again() {
    let (server, root, alice) = server().await;
    let bob = server.register("bob").await;
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let block = format!("{ADMIN}/v1/rooms/{room}/block");
    assert_eq!(server.get(&block, Some(&root)).await.1, json!({ "block": false }));
    assert_eq!(server.put(&block, Some(&root), json!({ "block": true })).await.1, json!({ "block": true }));
    let join = format!("/_matrix/client/v3/rooms/{room}/join");
    assert_eq!(error(&server.post(&join, Some(&bob), json!({})).await), (403, "M_FORBIDDEN"));
    let invite = format!("/_matrix/client/v3/rooms/{room}/invite");
    let invited = server.post(&invite, Some(&alice), json!({ "user_id": bob.id })).await;
    assert_eq!(error(&invited), (403, "M_FORBIDDEN"));
    // Who is in goes on talking, and may leave.
    server.say(&alice, &room, "still").await;
    assert_eq!(server.put(&block, Some(&root), json!({ "block": false })).await.0, 200);
    assert_eq!(server.post(&join, Some(&bob), json!({})).await.0, 200);
    assert_eq!(error(&server.put(&block, Some(&root), json!({})).await).0, 400);
}

#[tokio::test]
async fn administrators_look_into_rooms() {
    let (server, root, alice) = server().await;
    let space = server.create_room(&alice, json!({ "creation_content": { "type": "m.space" } })).await;
    let room = server.create_room(&alice, json!({ "name": "Secret" })).await;
    let child = format!("m.space.child/{room}");
    server.set_state(&alice, &space, &child, json!({ "via": ["localhost:8008"] })).await;
    server.clock.advance(1000);
    let event = server.say(&alice, &room, "hush").await;
    let get = async |path: &str| server.get(&format!("{ADMIN}/v1/{path}"), Some(&root)).await;

    let (status, page) = get(&format!("rooms/{room}/messages?dir=b&limit=1")).await;
    assert_eq!((status, &page["chunk"][0]["event_id"]), (200, &json!(event)));
    let end = page["end"].as_str().unwrap();
    let (_, older) = get(&format!("rooms/{room}/messages?dir=b&limit=100&from={end}")).await;
    assert_eq!(older["chunk"].as_array().unwrap().last().unwrap()["type"], "m.room.create");
    let filter = "%7B%22types%22%3A%5B%22m.room.name%22%5D%7D";
    let (_, names) = get(&format!("rooms/{room}/messages?filter={filter}")).await;
    assert_eq!(names["chunk"].as_array().unwrap().len(), 1);
    let (status, context) = get(&format!("rooms/{room}/context/{event}")).await;
    assert_eq!((status, &context["event"]["content"]["body"]), (200, &json!("hush")));
    let ts = server.api.now_ms();
    let (_, found) = get(&format!("rooms/{room}/timestamp_to_event?ts={ts}&dir=b")).await;
    assert_eq!(found, json!({ "event_id": event, "origin_server_ts": ts }));
    let none = get(&format!("rooms/{room}/timestamp_to_event?ts={}", ts + 1)).await;
    assert_eq!(error(&none), (404, "M_NOT_FOUND"));
    let (_, whole) = get(&format!("fetch_event/{event}")).await;
    assert_eq!(
        (&whole["event"]["event_id"], whole["event"]["signatures"].is_object()),
        (&json!(event), true)
    );
    let (_, below) = get(&format!("rooms/{space}/hierarchy?limit=1")).await;
    assert_eq!((&below["rooms"][0]["room_id"], &below["next_batch"]), (&json!(space), &json!("1")));
    let (_, below) = get(&format!("rooms/{space}/hierarchy?from=1")).await;
    assert_eq!((&below["rooms"][0]["name"], below.get("next_batch")), (&json!("Secret"), None));
    let (_, sizes) = get("statistics/database/rooms").await;
    assert_eq!(sizes["rooms"].as_array().unwrap().len(), 2);
    for wrong in ["rooms/!no:x/messages", "rooms/!no:x/hierarchy", "fetch_event/$no"] {
        assert_eq!(error(&get(wrong).await), (404, "M_NOT_FOUND"), "{wrong}");
    }
    for wrong in ["messages?from=x", "messages?filter=x", "timestamp_to_event"] {
        assert_eq!(get(&format!("rooms/{room}/{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn power_is_given_by_who_has_it() {
    let (server, root, alice) = server().await;
    let room = server.create_room(&alice, json!({})).await;
    let path = format!("{ADMIN}/v1/rooms/{room}/make_room_admin");
    assert_eq!(server.post(&path, Some(&root), json!({})).await, (200, json!({})));
    let levels = server.state(&alice, &room, "m.room.power_levels/").await;
    assert_eq!(levels["users"][root.id.as_str()], 100);
    server.act(&root, &room, "join", json!({})).await;
    server.set_state(&root, &room, "m.room.topic/", json!({ "topic": "mine" })).await;

    let extremities = format!("{ADMIN}/v1/rooms/{room}/forward_extremities");
    let ends = server.get(&extremities, Some(&root)).await.1;
    assert_eq!(ends["count"], 1);
    assert_eq!(server.delete(&extremities, Some(&root), json!({})).await.1, json!({ "deleted": 0 }));
    let counts =
        async |path: &str| server.get(&format!("{ADMIN}/v1/users/{}/{path}", alice.id), Some(&root)).await.1;
    assert_eq!(counts("sent_invite_count?from_ts=0").await, json!({ "invite_count": 1 }));
    assert_eq!(counts("cumulative_joined_room_count").await, json!({ "cumulative_joined_room_count": 1 }));
    let later = format!("sent_invite_count?from_ts={}", server.api.now_ms() + 1);
    assert_eq!(counts(&later).await, json!({ "invite_count": 0 }));
}

#[tokio::test]
async fn users_get_notices_of_the_server() {
    let server =
        TestServer::with(|options| options.server_notices = Some(owned_user_id!("@notices:localhost:8008")));
    // Nobody else may be that user.
    let taken = json!({ "username": "notices", "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    assert_eq!(error(&server.post("/_matrix/client/v3/register", None, taken).await), (400, "M_EXCLUSIVE"));
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let path = format!("{ADMIN}/v1/send_server_notice");
    let body = json!({ "user_id": alice.id, "content": { "msgtype": "m.text", "body": "Mind the gap." } });
    let (status, first) = server.post(&path, Some(&root), body.clone()).await;
    assert_eq!(status, 200, "{first}");
    // The same transaction is one notice, and all are in one room.
    let (_, one) = server.put(&format!("{path}/t1"), Some(&root), body.clone()).await;
    assert_eq!(server.put(&format!("{path}/t1"), Some(&root), body.clone()).await.1, one);
    let memberships = server.get(&format!("{ADMIN}/v1/users/{}/memberships", alice.id), Some(&root)).await.1;
    let rooms = memberships["memberships"].as_object().unwrap();
    assert_eq!((rooms.len(), rooms.values().next()), (1, Some(&json!("invite"))));
    let room = rooms.keys().next().unwrap();
    // It cannot be turned down; whoever was there and left is invited again.
    let leave = format!("/_matrix/client/v3/rooms/{room}/leave");
    let refused = server.post(&leave, Some(&alice), json!({})).await;
    assert_eq!(error(&refused), (403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"));
    server.act(&alice, room, "join", json!({})).await;
    server.act(&alice, room, "leave", json!({})).await;
    // Whatever they think of other invites.
    let block = to_raw_value(&json!({ "default_action": "block" })).unwrap();
    server.api.users.account_data.set(&alice.id, None, "m.invite_permission_config", &block).await.unwrap();
    assert_eq!(server.post(&path, Some(&root), body.clone()).await.0, 200);
    let memberships = server.get(&format!("{ADMIN}/v1/users/{}/memberships", alice.id), Some(&root)).await.1;
    assert_eq!(memberships["memberships"], json!({ room: "invite" }));
    server.act(&alice, room, "join", json!({})).await;
    let say = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/1");
    assert_eq!(error(&server.put(&say, Some(&alice), json!({ "body": "x" })).await), (403, "M_FORBIDDEN"));

    let nobody = json!({ "user_id": "@no:localhost:8008", "content": {} });
    assert_eq!(error(&server.post(&path, Some(&root), nobody).await), (404, "M_NOT_FOUND"));
    let off = TestServer::new();
    let root = off.register("root").await;
    off.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    assert_eq!(error(&off.post(&path, Some(&root), body).await), (400, "M_UNKNOWN"));
}
