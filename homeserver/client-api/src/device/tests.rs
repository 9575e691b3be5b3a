use serde_json::json;

use crate::testing::{PASSWORD, TestServer, error};

const DEVICES: &str = "/_matrix/client/v3/devices";

#[tokio::test]
async fn seeing_and_naming() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let phone = format!("{DEVICES}/{}", alice.device);
    assert_eq!(server.put(&phone, Some(&alice), json!({ "display_name": "phone" })).await.0, 200);
    assert_eq!(server.get(&phone, Some(&alice)).await.1["display_name"], "phone");
    assert_eq!(server.get(DEVICES, Some(&alice)).await.1["devices"][0]["device_id"], json!(alice.device));

    // To another user, the device is not there.
    assert_eq!(error(&server.get(&phone, Some(&bob)).await), (404, "M_NOT_FOUND"));
    let named = server.put(&phone, Some(&bob), json!({ "display_name": "mine" })).await;
    assert_eq!(error(&named), (404, "M_NOT_FOUND"));
    assert_eq!(error(&server.put(&phone, Some(&bob), json!({})).await), (404, "M_NOT_FOUND"));
    let long = server.put(&phone, Some(&alice), json!({ "display_name": "x".repeat(300) })).await;
    assert_eq!(error(&long), (400, "M_INVALID_PARAM"));
}

#[tokio::test]
async fn deleting_takes_the_password() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (phone, tablet) = (server.login("alice").await, server.login("alice").await);
    let path = format!("{DEVICES}/{}", phone.device);
    let (status, challenge) = server.delete(&path, Some(&alice), json!({})).await;
    assert_eq!(status, 401);
    let auth = json!({
        "type": "m.login.password",
        "session": challenge["session"],
        "identifier": { "type": "m.id.user", "user": "alice" },
        "password": PASSWORD,
    });
    // What was confirmed is one device, not another.
    let other = format!("{DEVICES}/{}", tablet.device);
    assert_eq!(
        error(&server.delete(&other, Some(&alice), json!({ "auth": auth })).await),
        (403, "M_FORBIDDEN")
    );
    assert_eq!(server.delete(&path, Some(&alice), json!({ "auth": auth })).await.0, 200);
    assert_eq!(server.get(DEVICES, Some(&phone)).await.0, 401);

    let (_, challenge) = server
        .post("/_matrix/client/v3/delete_devices", Some(&alice), json!({ "devices": [tablet.device] }))
        .await;
    let mut auth = auth;
    auth["session"] = challenge["session"].clone();
    let delete = |devices: serde_json::Value| {
        server.post(
            "/_matrix/client/v3/delete_devices",
            Some(&alice),
            json!({ "devices": devices, "auth": auth }),
        )
    };
    assert_eq!(error(&delete(json!([alice.device])).await), (403, "M_FORBIDDEN"));
    assert_eq!(delete(json!([tablet.device])).await.0, 200);
    assert_eq!(server.get(DEVICES, Some(&tablet)).await.0, 401);
    assert_eq!(server.get(DEVICES, Some(&alice)).await.0, 200);
}

#[tokio::test]
async fn another_user_cannot_confirm() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let phone = server.login("alice").await;
    let path = format!("{DEVICES}/{}", phone.device);
    let auth = |user: &str, password: &str| {
        let identifier = json!({ "type": "m.id.user", "user": user });
        json!({ "auth": { "type": "m.login.password", "identifier": identifier, "password": password } })
    };
    let by_bob = server.delete(&path, Some(&alice), auth(bob.id.as_str(), PASSWORD)).await;
    assert_eq!(error(&by_bob), (403, "M_FORBIDDEN"));
    let (status, wrong) = server.delete(&path, Some(&alice), auth("alice", "wrong")).await;
    assert_eq!((status, &wrong["errcode"], &wrong["params"]), (401, &json!("M_FORBIDDEN"), &json!({})));
    assert_eq!(server.get(DEVICES, Some(&phone)).await.0, 200);
    assert_eq!(server.delete(&path, Some(&alice), auth("alice", PASSWORD)).await.0, 200);
}
