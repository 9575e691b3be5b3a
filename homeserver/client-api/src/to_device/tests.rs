use axum::body::Body;
use hearth_storage::Position;
use http::Method;
use serde_json::json;

use crate::testing::{TestServer, error};

#[tokio::test]
async fn a_transaction_is_sent_once() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let body = json!({ "messages": { bob.id.to_string(): { bob.device.to_string(): { "a": 1 } } } });
    let path = "/_matrix/client/v3/sendToDevice/org.example/1";
    for _ in 0..2 {
        assert_eq!(server.put(path, Some(&alice), body.clone()).await, (200, json!({})));
    }
    let all = Position(u64::MAX);
    let waiting = server.api.users.to_device.list(&bob.id, &bob.device, Position(0), all).unwrap();
    let [(_, message)] = &waiting.messages[..] else { panic!("{waiting:?}") };
    let message: serde_json::Value = serde_json::from_str(message.json().get()).unwrap();
    assert_eq!(message, json!({ "type": "org.example", "sender": alice.id, "content": { "a": 1 } }));
    assert_eq!(error(&server.put(path, None, body).await), (401, "M_MISSING_TOKEN"));
}

#[tokio::test]
async fn what_cannot_be_sent() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let send = async |content: &str, number: u32| {
        let body = format!(r#"{{"messages":{{"{}":{{"*":{content}}}}}}}"#, bob.id);
        let path = format!("/_matrix/client/v3/sendToDevice/org.example/{number}");
        server.ask(Method::PUT, &path, Some(&alice), Body::from(body)).await
    };
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(64 << 10));
    assert_eq!(error(&send(&large, 1).await), (413, "M_TOO_LARGE"));
    assert_eq!(error(&send(r#"{"a":1,"a":2}"#, 2).await), (400, "M_BAD_JSON"));
    assert_eq!(error(&send(r#"{"a":"\ud800"}"#, 3).await), (400, "M_BAD_JSON"));
    let path = format!("/_matrix/client/v3/sendToDevice/org.example/{}", "x".repeat(256));
    assert_eq!(
        error(&server.put(&path, Some(&alice), json!({ "messages": {} })).await),
        (400, "M_INVALID_PARAM")
    );
    // What was refused has not used up its transaction id.
    assert_eq!(send("{}", 1).await.0, 200);
}

#[tokio::test]
async fn a_suspended_user_sends_to_their_own_devices_only() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    server.api.users.accounts.set_suspended(&alice.id, true).await.unwrap();
    for (to, expected) in [(&bob, (403, "M_USER_SUSPENDED")), (&alice, (200, ""))] {
        let body = json!({ "messages": { to.id.to_string(): { "*": {} } } });
        let answer = server.put("/_matrix/client/v3/sendToDevice/org.example/1", Some(&alice), body).await;
        assert_eq!(error(&answer), expected);
    }
}
