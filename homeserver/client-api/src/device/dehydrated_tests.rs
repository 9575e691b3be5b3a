use serde_json::{Value, json};

use crate::testing::{PASSWORD, TestServer, User, device_keys, error};

const DEVICE: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";

/// A device that a user puts aside, as it is uploaded.
fn aside(user: &User, device: &str) -> Value {
    let of = User { device: device.into(), ..user.clone() };
    json!({
        "device_id": device,
        "initial_device_display_name": "Dehydrated",
        "device_data": { "algorithm": "org.matrix.msc3814.v2", "device_pickle": "cGlja2xl", "nonce": "bm9uY2U" },
        "device_keys": device_keys(&of),
        "one_time_keys": { "signed_curve25519:one": { "key": "b25l" } },
        "fallback_keys": { "signed_curve25519:last": { "key": "bGFzdA", "fallback": true } },
    })
}

/// The devices of a user as others see them.
async fn seen(server: &TestServer, by: &User, of: &User) -> Vec<String> {
    let body = json!({ "device_keys": { of.id.to_string(): [] } });
    let (_, found) = server.post("/_matrix/client/v3/keys/query", Some(by), body).await;
    let devices = found["device_keys"][of.id.as_str()].as_object();
    devices.into_iter().flatten().map(|(device, _)| device.clone()).collect()
}

async fn tell(server: &TestServer, from: &User, to: &User, device: &str, number: usize) {
    let body = json!({ "messages": { to.id.to_string(): { device: { "n": number } } } });
    let path = format!("/_matrix/client/v3/sendToDevice/org.example/{device}{number}");
    assert_eq!(server.put(&path, Some(from), body).await.0, 200);
}

#[tokio::test]
async fn a_device_is_put_aside_and_brought_back() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    for answer in
        [server.get(DEVICE, Some(&alice)).await, server.delete(DEVICE, Some(&alice), json!({})).await]
    {
        assert_eq!(error(&answer), (404, "M_NOT_FOUND"));
    }
    let body = aside(&alice, "ASIDE");
    let stored = server.put(DEVICE, Some(&alice), body.clone()).await;
    assert_eq!(stored, (200, json!({ "device_id": "ASIDE" })));
    let found = server.get(DEVICE, Some(&alice)).await;
    assert_eq!(found, (200, json!({ "device_id": "ASIDE", "device_data": body["device_data"] })));
    assert_eq!(error(&server.get(DEVICE, Some(&bob)).await), (404, "M_NOT_FOUND"));

    // To others it is a device like any other.
    assert_eq!(seen(&server, &bob, &alice).await, ["ASIDE"]);
    let wanted = json!({ "one_time_keys": { alice.id.to_string(): { "ASIDE": "signed_curve25519" } } });
    for key in ["signed_curve25519:one", "signed_curve25519:last"] {
        let (_, claimed) = server.post("/_matrix/client/v3/keys/claim", Some(&bob), wanted.clone()).await;
        assert!(claimed["one_time_keys"][alice.id.as_str()]["ASIDE"].get(key).is_some(), "{claimed}");
    }
    tell(&server, &bob, &alice, "*", 1).await;
    tell(&server, &bob, &alice, "ASIDE", 2).await;
    let events = format!("{DEVICE}/ASIDE/events");
    let (status, read) = server.get(&events, Some(&alice)).await;
    assert_eq!(status, 200, "{read}");
    let contents: Vec<&Value> =
        read["events"].as_array().unwrap().iter().map(|event| &event["content"]).collect();
    assert_eq!(contents, [&json!({ "n": 1 }), &json!({ "n": 2 })]);
    assert!(read.get("next_batch").is_none());
    // They are still there, until the device goes; older clients go on until none comes.
    let (_, first) = server.post(&events, Some(&alice), json!({})).await;
    assert_eq!(first["events"], read["events"]);
    let next = json!({ "next_batch": first["next_batch"] });
    let (_, second) = server.post(&events, Some(&alice), next).await;
    assert_eq!(second["events"], json!([]));

    let deleted = server.delete(DEVICE, Some(&alice), json!({})).await;
    assert_eq!(deleted, (200, json!({ "device_id": "ASIDE" })));
    assert!(seen(&server, &bob, &alice).await.is_empty());
    assert_eq!(error(&server.get(DEVICE, Some(&alice)).await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&server.get(&events, Some(&alice)).await), (403, "M_FORBIDDEN"));
}

#[tokio::test]
async fn a_new_one_takes_the_place_of_the_old() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    for device in ["OLD", "NEW", "NEW"] {
        assert_eq!(server.put(DEVICE, Some(&alice), aside(&alice, device)).await.0, 200);
        assert_eq!(seen(&server, &bob, &alice).await, [device]);
        tell(&server, &bob, &alice, device, 1).await;
    }
    // What waited for the same device as it was before cannot be read by it as it is now.
    let (_, read) = server.get(&format!("{DEVICE}/NEW/events"), Some(&alice)).await;
    assert_eq!(read["events"].as_array().unwrap().len(), 0, "the message was sent once only");
    let old = server.get(&format!("{DEVICE}/OLD/events"), Some(&alice)).await;
    assert_eq!(error(&old), (403, "M_FORBIDDEN"));
    // One that is deleted like any other is gone as well.
    let auth = json!({
        "type": "m.login.password", "password": PASSWORD,
        "identifier": { "type": "m.id.user", "user": "alice" },
    });
    let path = "/_matrix/client/v3/devices/NEW";
    assert_eq!(server.delete(path, Some(&alice), json!({ "auth": auth })).await.0, 200);
    assert_eq!(error(&server.get(DEVICE, Some(&alice)).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn messages_are_read_page_by_page() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    assert_eq!(server.put(DEVICE, Some(&alice), aside(&alice, "ASIDE")).await.0, 200);
    for number in 0..150 {
        tell(&server, &bob, &alice, "ASIDE", number).await;
    }
    let events = format!("{DEVICE}/ASIDE/events");
    let (_, first) = server.get(&events, Some(&alice)).await;
    let from = first["next_batch"].as_str().unwrap();
    let (_, second) = server.get(&format!("{events}?from={from}"), Some(&alice)).await;
    assert!(second.get("next_batch").is_none());
    let all = [first, second].map(|page| page["events"].as_array().unwrap().clone()).concat();
    let numbers: Vec<u64> = all.iter().map(|event| event["content"]["n"].as_u64().unwrap()).collect();
    assert!(numbers.into_iter().eq(0..150));
    for wrong in ["x", "d", "dx", "5"] {
        let answer = server.get(&format!("{events}?from={wrong}"), Some(&alice)).await;
        assert_eq!(error(&answer), (400, "M_INVALID_PARAM"));
    }
}

#[tokio::test]
async fn what_cannot_be_put_aside() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let own = aside(&alice, alice.device.as_str());
    assert_eq!(error(&server.put(DEVICE, Some(&alice), own).await), (400, "M_INVALID_PARAM"));
    let anothers = aside(&bob, "ASIDE");
    assert_eq!(error(&server.put(DEVICE, Some(&alice), anothers).await), (400, "M_INVALID_PARAM"));
    let mut without_keys = aside(&alice, "ASIDE");
    without_keys.as_object_mut().unwrap().remove("device_keys");
    assert_eq!(server.put(DEVICE, Some(&alice), without_keys).await.0, 400);
    let mut large = aside(&alice, "ASIDE");
    large["device_data"]["device_pickle"] = "x".repeat(70_000).into();
    assert_eq!(error(&server.put(DEVICE, Some(&alice), large).await), (413, "M_TOO_LARGE"));
    assert_eq!(error(&server.put(DEVICE, None, aside(&alice, "ASIDE")).await), (401, "M_MISSING_TOKEN"));
    assert_eq!(error(&server.get(DEVICE, Some(&alice)).await), (404, "M_NOT_FOUND"));
    assert_eq!(server.login("alice").await.id, alice.id);
}
