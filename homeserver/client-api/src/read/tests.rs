use http::Method;
use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast, FORBIDDEN},
    testing::{User, error},
};

impl Cast {
    async fn receipt(&self, who: &User, receipt: &str, event: &str, body: Value) -> (u16, Value) {
        let path = format!("{CLIENT}/rooms/{}/receipt/{receipt}/{event}", self.room);
        self.server.post(&path, Some(who), body).await
    }

    /// A user's receipts: type, thread and event.
    fn receipts(&self, who: &User) -> Vec<(String, String, String)> {
        let room = self.server.api.rooms.room(self.room.as_str().try_into().unwrap()).unwrap();
        let receipts = room.receipts_of(&who.id).unwrap().into_iter();
        receipts.map(|(key, row)| (key.receipt_type, key.thread, row.event_id.to_string())).collect()
    }

    async fn fully_read(&self, who: &User) -> Value {
        let path = format!("{CLIENT}/user/{}/rooms/{}/account_data/m.fully_read", who.id, self.room);
        self.server.get(&path, Some(who)).await.1["event_id"].clone()
    }
}

#[tokio::test]
async fn receipts_move_forward_by_type_and_thread() {
    let cast = Cast::new().await;
    let (server, room, bob) = (&cast.server, &cast.room, &cast.bob);
    let first = server.say(&cast.alice, room, "first").await;
    let second = server.say(&cast.alice, room, "second").await;
    let of = |kind: &str, thread: &str, event: &str| (kind.to_owned(), thread.to_owned(), event.to_owned());
    let set = async |kind: &str, event: &str, body: Value| {
        let answer = cast.receipt(bob, kind, event, body).await;
        assert_eq!(answer, (200, json!({})), "{kind} {event}");
    };
    set("m.read", &second, json!({})).await;
    set("m.read", &first, json!({})).await;
    assert_eq!(cast.receipts(bob), [of("m.read", "", &second)], "not back");
    set("m.read.private", &first, json!({ "thread_id": "main" })).await;
    assert_eq!(cast.receipts(bob), [of("m.read", "", &second), of("m.read.private", "main", &first)]);
    set("m.fully_read", &second, json!({})).await;
    set("m.fully_read", &first, json!({})).await;
    assert_eq!(cast.fully_read(bob).await, json!(second));

    for (kind, event, wanted) in
        [("m.read", "$none", (404, "M_NOT_FOUND")), ("m.other", first.as_str(), (400, "M_INVALID_PARAM"))]
    {
        assert_eq!(error(&cast.receipt(bob, kind, event, json!({})).await), wanted);
    }
    cast.refuses(
        Method::POST,
        &format!("{CLIENT}/rooms/{{room}}/receipt/m.read/{first}"),
        json!({}),
        [FORBIDDEN; 3],
    )
    .await;
}

#[tokio::test]
async fn a_receipt_belongs_to_its_thread() {
    let cast = Cast::new().await;
    let (server, room, bob) = (&cast.server, &cast.room, &cast.bob);
    let root = server.say(&cast.alice, room, "root").await;
    let send = async |name: &str, relates_to: Value| {
        let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/{name}");
        let content = json!({ "msgtype": "m.text", "body": name, "m.relates_to": relates_to });
        server.put(&path, Some(&cast.alice), content).await.1["event_id"].as_str().unwrap().to_owned()
    };
    let inside = send("inside", json!({ "rel_type": "m.thread", "event_id": root })).await;
    let on_root = send("on_root", json!({ "rel_type": "m.reference", "event_id": root })).await;
    let on_inside = send("on_inside", json!({ "rel_type": "m.reference", "event_id": inside })).await;
    for (event, thread, status) in [
        (&root, "main", 200),
        (&root, &*root, 200),
        (&on_root, "main", 200),
        (&on_root, &*root, 200),
        (&inside, &*root, 200),
        (&inside, "main", 400),
        (&on_inside, &*root, 200),
        (&on_inside, "main", 400),
        (&on_inside, &*on_root, 400),
        (&root, "", 400),
        (&root, "$else", 400),
    ] {
        let answer = cast.receipt(bob, "m.read", event, json!({ "thread_id": thread })).await;
        assert_eq!(answer.0, status, "{event} {thread}: {}", answer.1);
        assert!(status == 200 || error(&answer).1 == "M_INVALID_PARAM");
    }
    let fully = cast.receipt(bob, "m.fully_read", &root, json!({ "thread_id": "main" })).await;
    assert_eq!(error(&fully), (400, "M_INVALID_PARAM"));
    assert_eq!(cast.receipt(bob, "m.read", &root, json!({ "thread_id": 1 })).await.0, 400);
}

#[tokio::test]
async fn several_markers_at_once() {
    let cast = Cast::new().await;
    let (server, room, bob) = (&cast.server, &cast.room, &cast.bob);
    let earlier = server.say(&cast.alice, room, "w").await;
    let event = server.say(&cast.alice, room, "x").await;
    let path = format!("{CLIENT}/rooms/{room}/read_markers");
    let body = json!({ "m.fully_read": event, "m.read": event, "m.read.private": event });
    let nowhere = json!({ "m.fully_read": "$none", "m.read": event });
    assert_eq!(error(&server.post(&path, Some(bob), nowhere).await), (404, "M_NOT_FOUND"));
    assert_eq!(cast.receipts(bob), []);
    assert_eq!(server.post(&path, Some(bob), body).await, (200, json!({})));
    assert_eq!(cast.receipts(bob).len(), 2);
    assert_eq!(cast.fully_read(bob).await, json!(event));
    // Back only for who says so.
    let back =
        |allow: serde_json::Value| json!({ "m.fully_read": earlier, "com.beeper.allow_backward": allow });
    for (allow, marked) in [(json!(false), &event), (json!(true), &earlier)] {
        assert_eq!(cast.server.post(&path, Some(bob), back(allow)).await.0, 200);
        assert_eq!(cast.fully_read(bob).await, json!(marked));
    }
    assert_eq!(error(&cast.server.post(&path, Some(bob), back(json!("yes"))).await), (400, "M_BAD_JSON"));
    assert_eq!(server.post(&path, Some(bob), json!({})).await, (200, json!({})));
}

#[tokio::test]
async fn only_members_type_and_only_for_themselves() {
    let cast = Cast::new().await;
    let (server, bob) = (&cast.server, &cast.bob);
    let path = |who: &User| format!("{CLIENT}/rooms/{}/typing/{}", cast.room, who.id);
    let types = async |who: &User, body: Value| server.put(&path(who), Some(who), body).await;
    assert_eq!(types(bob, json!({ "typing": true, "timeout": 30000 })).await, (200, json!({})));
    let sync = format!("{CLIENT}/sync");
    let typing = async || {
        let (_, answer) = server.get(&sync, Some(&cast.alice)).await;
        let events = answer["rooms"]["join"][&cast.room]["ephemeral"]["events"].as_array();
        let typing = events.into_iter().flatten().find(|event| event["type"] == "m.typing");
        typing.map(|event| event["content"]["user_ids"].clone())
    };
    assert_eq!(typing().await, Some(json!([bob.id])));
    assert_eq!(types(bob, json!({ "typing": true })).await.0, 200);
    assert_eq!(types(bob, json!({ "typing": false })).await.0, 200);
    assert_ne!(typing().await, Some(json!([bob.id])));
    assert_eq!(error(&types(bob, json!({})).await), (400, "M_BAD_JSON"));
    let other = server.put(&path(bob), Some(&cast.alice), json!({ "typing": true })).await;
    assert_eq!(error(&other), (403, "M_FORBIDDEN"));
    for who in [&cast.stranger, &cast.former, &cast.banned] {
        assert_eq!(error(&types(who, json!({ "typing": true })).await), (403, "M_FORBIDDEN"));
    }
}
