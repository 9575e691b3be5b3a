use serde_json::{Value, json};

use crate::testing::{NOWHERE, TestServer, device_keys, error};

#[tokio::test]
async fn upload_query_claim() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let body = json!({
        "device_keys": device_keys(&alice),
        "one_time_keys": { "signed_curve25519:AAAA": { "key": "a2V5", "signatures": {} } },
    });
    let (status, counts) = server.post("/_matrix/client/v3/keys/upload", Some(&alice), body).await;
    assert_eq!((status, &counts["one_time_key_counts"]["signed_curve25519"]), (200, &json!(1)), "{counts}");

    let wanted = json!({ "device_keys": { alice.id.to_string(): [], format!("@far:{NOWHERE}"): [] } });
    let (status, found) = server.post("/_matrix/client/v3/keys/query", Some(&bob), wanted).await;
    assert_eq!(status, 200);
    let keys = &found["device_keys"][alice.id.as_str()][alice.device.as_str()];
    assert_eq!(keys["device_id"], json!(alice.device));
    assert_eq!(found["failures"][NOWHERE]["status"], 502);

    let wanted = json!({ "one_time_keys": { alice.id.to_string(): { alice.device.to_string(): "signed_curve25519" } } });
    let claim = || server.post("/_matrix/client/v3/keys/claim", Some(&bob), wanted.clone());
    let (_, claimed) = claim().await;
    let key = &claimed["one_time_keys"][alice.id.as_str()][alice.device.as_str()]["signed_curve25519:AAAA"];
    assert_eq!(key["key"], "a2V5");
    assert_eq!(claim().await.1, json!({ "one_time_keys": {}, "failures": {} }));
}

#[tokio::test]
async fn nobody_uploads_for_another() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let body = json!({ "device_keys": device_keys(&alice) });
    assert_eq!(server.post("/_matrix/client/v3/keys/upload", Some(&bob), body).await.0, 400);
}

#[tokio::test]
async fn cross_signing_keys_are_replaced_by_their_user_only() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let master = |key: &str| {
        json!({ "master_key": {
            "user_id": alice.id, "usage": ["master"], "keys": { format!("ed25519:{key}"): key },
        }})
    };
    let upload =
        |body: Value| server.post("/_matrix/client/v3/keys/device_signing/upload", Some(&alice), body);
    let first = master("Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmE");
    let (status, body) = upload(first.clone()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(upload(first).await.0, 200);
    let second = master("YmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmE");
    let (status, challenge) = upload(second).await;
    assert_eq!((status, challenge["flows"].is_array()), (401, true));
    let unsigned =
        json!({ "self_signing_key": { "user_id": alice.id, "usage": ["self_signing"], "keys": {} } });
    let (status, refused) = upload(unsigned).await;
    assert!(status == 400 || status == 401, "{refused}");
}

#[tokio::test]
async fn signatures_on_unknown_keys_fail_one_by_one() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let body = json!({ alice.id.to_string(): { "NOTHERE": device_keys(&alice) } });
    let (status, answer) = server.post("/_matrix/client/v3/keys/signatures/upload", Some(&alice), body).await;
    assert_eq!(status, 200);
    assert!(answer["failures"][alice.id.as_str()]["NOTHERE"]["errcode"].is_string(), "{answer}");
    let nothing = server.post("/_matrix/client/v3/keys/upload", None, json!({})).await;
    assert_eq!(error(&nothing), (401, "M_MISSING_TOKEN"));
}

#[tokio::test]
async fn device_keys_are_signed_by_their_device() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let mut keys = device_keys(&alice);
    keys["algorithms"] = json!([]);
    let body = json!({ "device_keys": keys });
    let answer = server.post("/_matrix/client/v3/keys/upload", Some(&alice), body).await;
    assert_eq!(error(&answer), (400, "M_INVALID_SIGNATURE"));
}
