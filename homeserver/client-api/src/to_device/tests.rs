use hearth_storage::Position;
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
    let messages = server.api.users.to_device.list(&bob.id, &bob.device, Position(0), all, 10).unwrap();
    let [(_, message)] = &messages[..] else { panic!("{messages:?}") };
    let message: serde_json::Value = serde_json::from_str(message.json().get()).unwrap();
    assert_eq!(message, json!({ "type": "org.example", "sender": alice.id, "content": { "a": 1 } }));
    assert_eq!(error(&server.put(path, None, body).await), (401, "M_MISSING_TOKEN"));
}
