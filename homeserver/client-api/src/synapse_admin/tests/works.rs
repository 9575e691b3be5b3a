use std::time::Duration;

use serde_json::{Value, json};

use super::{ADMIN, server};
use crate::testing::{TestServer, User, error};

/// Asks until a task is done with.
async fn done(server: &TestServer, root: &User, path: &str) -> Value {
    loop {
        let (status, answer) = server.get(path, Some(root)).await;
        assert_eq!(status, 200, "{answer}");
        if answer["status"] != "active" {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn bodies(server: &TestServer, root: &User, room: &str) -> Vec<String> {
    let path = format!("{ADMIN}/v1/rooms/{room}/messages?dir=f&limit=500");
    let chunk = server.get(&path, Some(root)).await.1["chunk"].clone();
    let bodies = chunk.as_array().unwrap().iter().filter_map(|event| event["content"]["body"].as_str());
    bodies.map(str::to_owned).collect()
}

#[tokio::test]
async fn history_is_purged_up_to_an_event_or_a_time() {
    let (server, root, alice) = server().await;
    let room = server.create_room(&alice, json!({})).await;
    for text in ["one", "two"] {
        server.say(&alice, &room, text).await;
    }
    server.clock.advance(1000);
    let third = server.say(&alice, &room, "three").await;
    server.clock.advance(1000);
    server.say(&alice, &room, "four").await;

    let purge = format!("{ADMIN}/v1/purge_history/{room}");
    let status = format!("{ADMIN}/v1/purge_history_status");
    // What users of this server sent stays unless it is asked for.
    let (_, begun) = server.post(&format!("{purge}/{third}"), Some(&root), json!({})).await;
    let id = begun["purge_id"].as_str().unwrap();
    assert_eq!(done(&server, &root, &format!("{status}/{id}")).await["status"], "complete");
    assert_eq!(bodies(&server, &root, &room).await, ["one", "two", "three", "four"]);

    let body = json!({ "delete_local_events": true });
    let (_, begun) = server.post(&format!("{purge}/{third}"), Some(&root), body).await;
    let id = begun["purge_id"].as_str().unwrap();
    assert_eq!(done(&server, &root, &format!("{status}/{id}")).await["status"], "complete");
    assert_eq!(bodies(&server, &root, &room).await, ["three", "four"]);
    let tasks = server.get(&format!("{ADMIN}/v1/scheduled_tasks?resource_id={room}"), Some(&root)).await.1;
    assert_eq!(tasks["scheduled_tasks"].as_array().unwrap().len(), 2);

    let body = json!({ "delete_local_events": true, "purge_up_to_ts": server.api.now_ms() });
    let (_, begun) = server.post(&purge, Some(&root), body).await;
    let id = begun["purge_id"].as_str().unwrap();
    done(&server, &root, &format!("{status}/{id}")).await;
    assert_eq!(bodies(&server, &root, &room).await, ["four"]);
    assert_eq!(server.state(&alice, &room, "m.room.create/").await["room_version"], "12");

    assert_eq!(error(&server.post(&purge, Some(&root), json!({})).await), (400, "M_MISSING_PARAM"));
    assert_eq!(
        error(&server.post(&format!("{purge}/$no"), Some(&root), json!({})).await),
        (404, "M_NOT_FOUND")
    );
    assert_eq!(error(&server.get(&format!("{status}/no"), Some(&root)).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn a_room_is_deleted_and_its_users_go_elsewhere() {
    let (server, root, alice) = server().await;
    let bob = server.register("bob").await;
    let preset = json!({ "preset": "public_chat", "room_alias_name": "bad", "invite": [bob.id] });
    let room = server.create_room(&alice, preset).await;
    server.say(&alice, &room, "spam").await;

    let path = format!("{ADMIN}/v2/rooms/{room}");
    let body = json!({ "new_room_user_id": root.id, "message": "It is gone.", "block": true });
    let (status, begun) = server.delete(&path, Some(&root), body).await;
    assert_eq!(status, 200, "{begun}");
    let id = begun["delete_id"].as_str().unwrap();
    let answer = done(&server, &root, &format!("{ADMIN}/v2/rooms/delete_status/{id}")).await;
    assert_eq!((&answer["status"], &answer["room_id"]), (&json!("complete"), &json!(room)));
    let shut = &answer["shutdown_room"];
    assert_eq!(shut["kicked_users"], json!([alice.id, bob.id]));
    assert_eq!(shut["local_aliases"], json!(["#bad:localhost:8008"]));
    let of_room = server.get(&format!("{path}/delete_status"), Some(&root)).await.1;
    assert_eq!(of_room["results"][0]["delete_id"], id);

    // Who was in is in the new room, where they do not speak; who was only invited is not.
    let successor = shut["new_room_id"].as_str().unwrap();
    let members = server.get(&format!("{ADMIN}/v1/rooms/{successor}/members"), Some(&root)).await.1;
    assert_eq!(members["members"], json!([alice.id, root.id]));
    let say = format!("/_matrix/client/v3/rooms/{successor}/send/m.room.message/1");
    assert_eq!(error(&server.put(&say, Some(&alice), json!({ "body": "x" })).await), (403, "M_FORBIDDEN"));
    let alias = server.get("/_matrix/client/v3/directory/room/%23bad:localhost:8008", None).await.1;
    assert_eq!(alias["room_id"], successor);

    assert!(bodies(&server, &root, &room).await.is_empty());
    let about = server.get(&format!("{ADMIN}/v1/rooms/{room}"), Some(&root)).await.1;
    assert_eq!((&about["joined_members"], &about["forgotten"]), (&json!(0), &json!(true)));
    let join = server.post(&format!("/_matrix/client/v3/rooms/{room}/join"), Some(&alice), json!({})).await;
    assert_eq!(error(&join), (403, "M_FORBIDDEN"));

    let unknown = format!("{ADMIN}/v1/rooms/!no:elsewhere");
    assert_eq!(error(&server.delete(&unknown, Some(&root), json!({})).await), (400, "M_INVALID_PARAM"));
    assert_eq!(server.delete(&unknown, Some(&root), json!({ "block": true })).await.0, 200);
    let blocked = server.get(&format!("{unknown}/block"), Some(&root)).await.1;
    assert_eq!(blocked, json!({ "block": true, "user_id": root.id }));
}

#[tokio::test]
async fn the_first_version_answers_when_all_is_done() {
    let (server, root, alice) = server().await;
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    for number in 0..600 {
        server.say(&alice, &room, &format!("{number}")).await;
    }
    let (status, answer) = server.delete(&format!("{ADMIN}/v1/rooms/{room}"), Some(&root), json!({})).await;
    assert_eq!((status, &answer["kicked_users"]), (200, &json!([alice.id])));
    assert!(bodies(&server, &root, &room).await.is_empty());
    // It is not blocked.
    let join = server.post(&format!("/_matrix/client/v3/rooms/{room}/join"), Some(&alice), json!({})).await;
    assert_eq!(join.0, 200, "{}", join.1);
}

#[tokio::test]
async fn what_a_user_sent_is_redacted() {
    let (server, root, alice) = server().await;
    let bob = server.register("bob").await;
    let room = server.create_room(&bob, json!({ "preset": "public_chat" })).await;
    server.act(&alice, &room, "join", json!({})).await;
    for text in ["a", "b", "c"] {
        server.say(&alice, &room, text).await;
    }
    server.say(&bob, &room, "kept").await;
    let path = format!("{ADMIN}/v1/user/{}/redact", alice.id);
    let (status, begun) = server.post(&path, Some(&root), json!({ "rooms": [], "limit": 2 })).await;
    assert_eq!(status, 200, "{begun}");
    let id = begun["redact_id"].as_str().unwrap();
    let status = done(&server, &root, &format!("{ADMIN}/v1/user/redact_status/{id}")).await;
    assert_eq!(status, json!({ "status": "complete", "failed_redactions": {} }));
    assert_eq!(bodies(&server, &root, &room).await, ["a", "kept"]);
    // An administrator who is not in the room can do nothing there, and it is told.
    let (_, begun) = server.post(&path, Some(&root), json!({ "rooms": [room], "use_admin": true })).await;
    let id = begun["redact_id"].as_str().unwrap();
    let status = done(&server, &root, &format!("{ADMIN}/v1/user/redact_status/{id}")).await;
    assert_eq!(status["failed_redactions"].as_object().unwrap().len(), 1, "{status}");
}
