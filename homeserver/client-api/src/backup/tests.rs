use serde_json::{Value, json};

use crate::testing::{TestServer, error};

const VERSION: &str = "/_matrix/client/v3/room_keys/version";
const KEYS: &str = "/_matrix/client/v3/room_keys/keys";

fn description(public_key: &str) -> Value {
    json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": { "public_key": public_key, "signatures": {} },
    })
}

fn key() -> Value {
    json!({
        "first_message_index": 1, "forwarded_count": 0, "is_verified": true,
        "session_data": { "ephemeral": "a2V5", "ciphertext": "a2V5", "mac": "a2V5" },
    })
}

#[tokio::test]
async fn versions() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    assert_eq!(error(&server.get(VERSION, Some(&alice)).await), (404, "M_NOT_FOUND"));
    let (status, made) = server.post(VERSION, Some(&alice), description("a2V5")).await;
    assert_eq!(status, 200, "{made}");
    let version = format!("{VERSION}/{}", made["version"].as_str().unwrap());
    let (_, latest) = server.get(VERSION, Some(&alice)).await;
    assert_eq!((&latest["count"], &latest["auth_data"]["public_key"]), (&json!(0), &json!("a2V5")));
    assert_eq!(server.get(&version, Some(&alice)).await.1, latest);
    assert_eq!(error(&server.get(&version, Some(&bob)).await), (404, "M_NOT_FOUND"));

    assert_eq!(server.put(&version, Some(&alice), description("b3RoZXI")).await.0, 200);
    let mut other = description("b3RoZXI");
    other["version"] = "999".into();
    assert_eq!(error(&server.put(&version, Some(&alice), other).await), (400, "M_INVALID_PARAM"));
    let mut algorithm = description("a2V5");
    algorithm["algorithm"] = "org.example".into();
    assert_eq!(error(&server.put(&version, Some(&alice), algorithm).await), (400, "M_INVALID_PARAM"));
    assert_eq!(server.delete(&version, Some(&alice), json!({})).await.0, 200);
    assert_eq!(error(&server.get(VERSION, Some(&alice)).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn keys() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let (_, made) = server.post(VERSION, Some(&alice), description("a2V5")).await;
    let query = format!("?version={}", made["version"].as_str().unwrap());

    let all = json!({ "rooms": { "!a:b": { "sessions": { "one": key() } } } });
    assert_eq!(server.put(&format!("{KEYS}{query}"), Some(&alice), all.clone()).await.1["count"], 1);
    let room = json!({ "sessions": { "two": key() } });
    assert_eq!(server.put(&format!("{KEYS}/!a:b{query}"), Some(&alice), room).await.1["count"], 2);
    assert_eq!(server.put(&format!("{KEYS}/!c:b/three{query}"), Some(&alice), key()).await.1["count"], 3);

    let (_, kept) = server.get(&format!("{KEYS}{query}"), Some(&alice)).await;
    assert_eq!(kept["rooms"].as_object().unwrap().len(), 2);
    let (_, kept) = server.get(&format!("{KEYS}/!a:b{query}"), Some(&alice)).await;
    assert_eq!(kept["sessions"].as_object().unwrap().len(), 2);
    assert_eq!(server.get(&format!("{KEYS}/!c:b/three{query}"), Some(&alice)).await, (200, key()));
    let none = server.get(&format!("{KEYS}/!none:b{query}"), Some(&alice)).await;
    assert_eq!(none, (200, json!({ "sessions": {} })));
    assert_eq!(
        error(&server.get(&format!("{KEYS}/!c:b/x{query}"), Some(&alice)).await),
        (404, "M_NOT_FOUND")
    );
    assert_eq!(error(&server.get(&format!("{KEYS}{query}"), Some(&bob)).await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&server.get(KEYS, Some(&alice)).await), (400, "M_MISSING_PARAM"));

    let (_, second) = server.post(VERSION, Some(&alice), description("b3RoZXI")).await;
    let (status, wrong) = server.put(&format!("{KEYS}{query}"), Some(&alice), all).await;
    assert_eq!((status, &wrong["errcode"]), (403, &json!("M_WRONG_ROOM_KEYS_VERSION")));
    assert_eq!(wrong["current_version"], second["version"]);

    assert_eq!(
        server.delete(&format!("{KEYS}/!c:b/three{query}"), Some(&alice), json!({})).await.1["count"],
        2
    );
    assert_eq!(server.delete(&format!("{KEYS}/!a:b{query}"), Some(&alice), json!({})).await.1["count"], 0);
    assert_eq!(server.delete(&format!("{KEYS}{query}"), Some(&alice), json!({})).await.0, 200);
}
