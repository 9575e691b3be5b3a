use serde_json::{Value, json};

use crate::testing::{TestServer, error};

const RULES: &str = "/_matrix/client/v3/pushrules/global";

#[tokio::test]
async fn rules() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let rule = format!("{RULES}/content/cake");
    let body = json!({ "pattern": "cake", "actions": ["notify"] });
    assert_eq!(server.put(&rule, Some(&alice), body).await.0, 200);
    let (status, kept) = server.get(&rule, Some(&alice)).await;
    assert_eq!((status, &kept["pattern"], &kept["enabled"]), (200, &json!("cake"), &json!(true)));
    assert_eq!(error(&server.get(&rule, Some(&bob)).await), (404, "M_NOT_FOUND"));

    assert_eq!(
        server.put(&format!("{rule}/enabled"), Some(&alice), json!({ "enabled": false })).await.0,
        200
    );
    let enabled = server.get(&format!("{rule}/enabled"), Some(&alice)).await;
    assert_eq!(enabled, (200, json!({ "enabled": false })));
    assert_eq!(server.put(&format!("{rule}/actions"), Some(&alice), json!({ "actions": [] })).await.0, 200);
    assert_eq!(server.get(&format!("{rule}/actions"), Some(&alice)).await, (200, json!({ "actions": [] })));

    for path in ["/_matrix/client/v3/pushrules/", "/_matrix/client/v3/pushrules"] {
        let (_, all) = server.get(path, Some(&alice)).await;
        assert!(all["global"]["content"].as_array().unwrap().iter().any(|rule| rule["rule_id"] == "cake"));
    }
    assert!(server.get(&format!("{RULES}/"), Some(&alice)).await.1["override"].is_array());

    assert_eq!(server.delete(&rule, Some(&alice), json!({})).await.0, 200);
    assert_eq!(error(&server.delete(&rule, Some(&alice), json!({})).await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&server.get(&format!("{RULES}/nonsense/x"), Some(&alice)).await), (404, "M_NOT_FOUND"));
    let before = format!("{rule}?before=nothing");
    let body = json!({ "pattern": "cake", "actions": ["notify"] });
    assert_eq!(error(&server.put(&before, Some(&alice), body).await), (400, "M_UNKNOWN"));
}

fn pusher(kind: Value, url: &str) -> Value {
    json!({
        "app_id": "org.example", "pushkey": "key", "kind": kind, "app_display_name": "App",
        "device_display_name": "phone", "lang": "en", "data": { "url": url },
    })
}

#[tokio::test]
async fn pushers() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let set = async |body| server.post("/_matrix/client/v3/pushers/set", Some(&alice), body).await;
    assert_eq!(set(pusher(json!("http"), "https://push.example/_matrix/push/v1/notify")).await.0, 200);
    let (_, kept) = server.get("/_matrix/client/v3/pushers", Some(&alice)).await;
    assert_eq!(kept["pushers"][0]["data"]["url"], "https://push.example/_matrix/push/v1/notify");
    assert_eq!(server.get("/_matrix/client/v3/pushers", Some(&bob)).await.1["pushers"], json!([]));

    for url in
        ["https://push.example/", "http://push.example/_matrix/push/v1/notify", "/_matrix/push/v1/notify"]
    {
        assert_eq!(error(&set(pusher(json!("http"), url)).await), (400, "M_INVALID_PARAM"), "{url}");
    }
    for missing in ["app_id", "pushkey", "kind", "app_display_name", "device_display_name", "lang", "data"] {
        let mut pusher = pusher(json!("http"), "https://push.example/_matrix/push/v1/notify");
        pusher.as_object_mut().unwrap().remove(missing);
        let errcode = if ["app_id", "pushkey"].contains(&missing) { "M_BAD_JSON" } else { "M_MISSING_PARAM" };
        assert_eq!(error(&set(pusher).await), (400, errcode), "{missing}");
    }
    assert_eq!(error(&set(pusher(json!("fax"), "")).await), (400, "M_INVALID_PARAM"));
    assert_eq!(error(&set(pusher(json!(7), "")).await), (400, "M_BAD_JSON"));
    assert_eq!(set(pusher(Value::Null, "")).await.0, 200);
    assert_eq!(server.get("/_matrix/client/v3/pushers", Some(&alice)).await.1["pushers"], json!([]));
}

#[tokio::test]
async fn a_pusher_can_be_turned_off_from_another_device() {
    let server = TestServer::new();
    let (alice, other) = (server.register("alice").await, server.login("alice").await);
    let set = async |who, body| server.post("/_matrix/client/v3/pushers/set", Some(who), body).await.0;
    let kept = async || server.get("/_matrix/client/v3/pushers", Some(&other)).await.1["pushers"][0].clone();
    let mut pusher = pusher(json!("http"), "https://push.example/_matrix/push/v1/notify");
    pusher["org.example.custom"] = 7.into();
    assert_eq!(set(&alice, pusher.clone()).await, 200);
    let first = kept().await;
    assert_eq!(first["org.matrix.msc3881.enabled"], true);
    assert_eq!(first["org.matrix.msc3881.device_id"], alice.device.as_str());
    assert_eq!(first["org.example.custom"], 7);
    pusher["org.matrix.msc3881.enabled"] = false.into();
    assert_eq!(set(&alice, pusher.clone()).await, 200);
    assert_eq!(kept().await["org.matrix.msc3881.enabled"], false);
    pusher["org.matrix.msc3881.enabled"] = "no".into();
    assert_eq!(set(&alice, pusher).await, 400);
}

#[tokio::test]
async fn web_push_is_told_nothing_before_its_client_says_that_it_hears() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (_, capabilities) = server.get("/_matrix/client/v3/capabilities", Some(&alice)).await;
    let web_push = &capabilities["capabilities"]["m.webpush"];
    assert_eq!((&web_push["enabled"], web_push["vapid"].as_str().unwrap().len()), (&json!(true), 87));
    let set = async |body| server.post("/_matrix/client/v3/pushers/set", Some(&alice), body).await;
    let mut pusher = pusher(json!("webpush"), "https://push.invalid/send/x");
    assert_eq!(error(&set(pusher.clone()).await), (400, "M_INVALID_PARAM"), "it has no keys");
    let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    pusher["pushkey"] = key.into();
    pusher["data"]["auth"] = "BTBZMqHH6r4Tts7J_aSIgg".into();
    assert_eq!(set(pusher.clone()).await.0, 201);
    let activated = async || {
        server.get("/_matrix/client/v3/pushers", Some(&alice)).await.1["pushers"][0]["activated"].clone()
    };
    assert_eq!(activated().await, false);

    let path = "/_matrix/client/v3/pushers/ack";
    let ack = async |app_id: &str, token: &str| {
        server.post(path, Some(&alice), json!({ "app_id": app_id, "ack_token": token })).await
    };
    let user = <&ruma::UserId>::try_from(alice.id.as_str()).unwrap();
    let awaits = server.api.users.pushers.list(user).unwrap()[0].row.awaits.clone();
    assert_eq!(error(&ack("org.other", "x").await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&ack("org.example", "x").await), (400, "M_UNKNOWN_ACTIVATION_TOKEN"));
    assert_eq!(ack("org.example", &awaits.unwrap().token).await, (200, json!({})));
    assert_eq!(activated().await, true);
    // Set again as it is, it goes on; elsewhere it has to be activated again.
    assert_eq!(set(pusher.clone()).await.0, 200);
    assert_eq!(activated().await, true);
    pusher["data"]["url"] = "https://push.invalid/send/y".into();
    assert_eq!(set(pusher).await.0, 201);
    assert_eq!(activated().await, false);
}

#[tokio::test]
async fn a_gateway_in_a_private_network_needs_no_https() {
    let server = TestServer::with(|options| options.allow_private_networks = true);
    let alice = server.register("alice").await;
    let pusher = pusher(json!("http"), "http://10.0.0.1/_matrix/push/v1/notify");
    assert_eq!(server.post("/_matrix/client/v3/pushers/set", Some(&alice), pusher).await.0, 200);
}

#[tokio::test]
async fn a_rule_without_conditions_always_matches() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    for kind in ["override", "underride"] {
        let rule = format!("{RULES}/{kind}/mine");
        assert_eq!(server.put(&rule, Some(&alice), json!({ "actions": ["notify"] })).await.0, 200);
        assert_eq!(server.get(&rule, Some(&alice)).await.1["conditions"], json!([]));
    }
    let pattern = server.put(&format!("{RULES}/content/mine"), Some(&alice), json!({ "actions": [] })).await;
    assert_eq!(pattern.0, 400, "a rule of this kind needs its pattern");
}

#[tokio::test]
async fn every_kind_of_rule_has_its_list() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let data = format!("/_matrix/client/v3/user/{}/account_data/m.push_rules", alice.id);
    let (_, sync) = server.get("/_matrix/client/v3/sync", Some(&alice)).await;
    let events = sync["account_data"]["events"].as_array().unwrap();
    let told = events.iter().find(|event| event["type"] == "m.push_rules").unwrap();
    for global in [
        server.get("/_matrix/client/v3/pushrules/", Some(&alice)).await.1["global"].clone(),
        server.get(&format!("{RULES}/"), Some(&alice)).await.1,
        server.get(&data, Some(&alice)).await.1["global"].clone(),
        told["content"]["global"].clone(),
    ] {
        for kind in ["override", "content", "room", "sender", "underride"] {
            assert!(global[kind].is_array(), "{kind}: {global}");
        }
    }
}

#[tokio::test]
async fn who_has_too_much_of_something_is_told_so() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let mut answer = (200, Value::Null);
    for number in 0..=100 {
        assert_eq!(answer.0, 200, "{}", answer.1);
        let mut pusher = pusher(json!("http"), "https://push.example/_matrix/push/v1/notify");
        pusher["pushkey"] = number.to_string().into();
        answer = server.post("/_matrix/client/v3/pushers/set", Some(&alice), pusher).await;
    }
    assert_eq!(error(&answer), (403, "M_USER_LIMIT_EXCEEDED"));
    assert!(answer.1["info_uri"].is_string());
}
