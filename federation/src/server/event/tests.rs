use std::sync::Arc;

use hearth_rooms::{Event, NewEvent, Room};
use hearth_spec::RoomVersion;
use serde_json::{Value, json, value::to_raw_value};

use crate::server::testing::{TestServer, error, here, there};

async fn say(room: &Room, text: &str) -> Arc<Event> {
    let content = to_raw_value(&json!({ "msgtype": "m.text", "body": text })).unwrap();
    room.send(NewEvent::message(&here("alice"), "m.room.message", content), None).await.unwrap()
}

/// A room with two messages before a user of `there` joins, and two after.
async fn world() -> (TestServer, Room, Vec<Arc<Event>>) {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = server.public_room(&alice, RoomVersion::V11).await;
    let mut said = vec![say(&room, "one").await, say(&room, "two").await];
    assert_eq!(server.join(&room, &there("bob")).await.0, 200);
    said.extend([say(&room, "three").await, say(&room, "four").await]);
    (server, room, said)
}

fn bodies(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test]
async fn one_event_and_what_is_around_it() {
    let (server, room, said) = world().await;
    let (status, answer) = server.get(&format!("/_matrix/federation/v1/event/{}", said[2].id())).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["origin"], "here");
    assert_eq!(bodies(&answer["pdus"]), ["three"]);

    let (id, event) = (room.id(), said[2].id());
    let (_, ids) = server.get(&format!("/_matrix/federation/v1/state_ids/{id}?event_id={event}")).await;
    let (_, state) = server.get(&format!("/_matrix/federation/v1/state/{id}?event_id={event}")).await;
    assert_eq!(ids["pdu_ids"].as_array().unwrap().len(), state["pdus"].as_array().unwrap().len());
    assert_eq!(
        ids["auth_chain_ids"].as_array().unwrap().len(),
        state["auth_chain"].as_array().unwrap().len()
    );
    let (_, auth) = server.get(&format!("/_matrix/federation/v1/event_auth/{id}/{event}")).await;
    assert!(auth["auth_chain"].as_array().unwrap().iter().any(|event| event["type"] == "m.room.create"));
    assert_eq!(error(&server.get("/_matrix/federation/v1/event/$unknown").await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn history_and_what_is_missing() {
    let (server, room, said) = world().await;
    let id = room.id();
    let path = format!("/_matrix/federation/v1/backfill/{id}?v={}&limit=2", said[3].id());
    assert_eq!(bodies(&server.get(&path).await.1["pdus"]), ["four", "three"]);
    let body = json!({ "earliest_events": [said[1].id()], "latest_events": [said[3].id()], "limit": 5 });
    let (status, answer) =
        server.post(&format!("/_matrix/federation/v1/get_missing_events/{id}"), body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(bodies(&answer["events"]), ["three"]);
    assert_eq!(answer["events"].as_array().unwrap().len(), 2, "the join and one message");
}

#[tokio::test]
async fn what_a_server_may_not_see_is_redacted() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = server.public_room(&alice, RoomVersion::V11).await;
    let joined = json!({ "history_visibility": "joined" });
    server.set(&room, &alice, "m.room.history_visibility", joined).await;
    let before = say(&room, "secret").await;
    server.join(&room, &there("bob")).await;
    let after = say(&room, "open").await;
    let path = format!("/_matrix/federation/v1/backfill/{}?v={}&limit=10", room.id(), after.id());
    let (_, answer) = server.get(&path).await;
    assert_eq!(bodies(&answer["pdus"]), ["open"]);
    let (_, answer) = server.get(&format!("/_matrix/federation/v1/event/{}", before.id())).await;
    assert_eq!(answer["pdus"][0]["content"], json!({}));
    let ts = before.ts();
    let path = format!("/_matrix/federation/v1/timestamp_to_event/{}?ts={ts}&dir=f", room.id());
    assert_ne!(server.get(&path).await.1["event_id"], before.id().as_str());
}

#[tokio::test]
async fn a_server_that_is_not_in_the_room_gets_nothing() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = server.public_room(&alice, RoomVersion::V11).await;
    let (event, id) = (say(&room, "ours").await, room.id());
    let event = event.id();
    for path in [
        format!("event/{event}"),
        format!("state/{id}?event_id={event}"),
        format!("state_ids/{id}?event_id={event}"),
        format!("event_auth/{id}/{event}"),
        format!("backfill/{id}?v={event}&limit=1"),
        format!("timestamp_to_event/{id}?ts=1&dir=f"),
    ] {
        let answer = server.get(&format!("/_matrix/federation/v1/{path}")).await;
        assert_eq!(error(&answer), (403, "M_FORBIDDEN"), "{path}");
    }
    let body = json!({ "earliest_events": [], "latest_events": [event] });
    let answer = server.post(&format!("/_matrix/federation/v1/get_missing_events/{id}"), body).await;
    assert_eq!(error(&answer), (403, "M_FORBIDDEN"));
}
