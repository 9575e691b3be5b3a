use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::testing::{PASSWORD, TestServer, User, error};

const DELETE: &str = "/_matrix/client/v3/delete_devices";

/// The `auth` of a user who knows their password, for a session that an answer began.
fn auth(who: &User, challenge: &Value) -> Value {
    json!({
        "type": "m.login.password",
        "session": challenge["session"],
        "identifier": { "type": "m.id.user", "user": who.id },
        "password": PASSWORD,
    })
}

#[tokio::test]
async fn the_body_may_be_left_out_or_sent_again_in_any_order() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    for again in ["", r#""x":{"b":2,"a":1},"devices":["ONE"],"#] {
        let first = r#"{"devices":["ONE"],"x":{"a":1,"b":2}}"#;
        let (status, challenge) = server.ask(Method::POST, DELETE, Some(&alice), Body::from(first)).await;
        assert_eq!(status, 401);
        let last = format!(r#"{{{again}"auth":{}}}"#, auth(&alice, &challenge));
        assert_eq!(server.ask(Method::POST, DELETE, Some(&alice), Body::from(last)).await.0, 200);
    }
}

#[tokio::test]
async fn a_large_body_has_to_be_sent_again() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let body = json!({ "devices": ["ONE"], "x": "y".repeat(1 << 20) });
    let (status, challenge) = server.post(DELETE, Some(&alice), body.clone()).await;
    assert_eq!(status, 401);
    let left_out = json!({ "auth": auth(&alice, &challenge) });
    assert_eq!(error(&server.post(DELETE, Some(&alice), left_out).await), (400, "M_BAD_JSON"));
    let mut again = body;
    again["auth"] = auth(&alice, &challenge);
    again["x"] = "other".into();
    assert_eq!(error(&server.post(DELETE, Some(&alice), again.clone()).await), (403, "M_FORBIDDEN"));
    again["x"] = "y".repeat(1 << 20).into();
    assert_eq!(server.post(DELETE, Some(&alice), again).await.0, 200);
}

#[tokio::test]
async fn nobody_pushes_out_the_sessions_of_another() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let (_, challenge) = server.post(DELETE, Some(&alice), json!({ "devices": [] })).await;
    for _ in 0..5000 {
        assert_eq!(server.post(DELETE, Some(&bob), json!({ "devices": [] })).await.0, 401);
    }
    let body = json!({ "auth": auth(&alice, &challenge) });
    assert_eq!(server.post(DELETE, Some(&alice), body).await.0, 200);
}

#[tokio::test]
async fn what_would_grow_in_memory_is_refused_before_it_is_read() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    for many in ["0,".repeat(1 << 20), r#"{"":0},"#.repeat(1 << 20), "[0],".repeat(1 << 20)] {
        let body = format!(r#"{{"devices":[],"x":{{"y":[[{many}0]]}}}}"#);
        let answer = server.ask(Method::POST, DELETE, Some(&alice), Body::from(body.clone())).await;
        assert_eq!(error(&answer), (400, "M_BAD_JSON"));
        // Who shows no token has still less to say.
        let answer = server.ask(Method::POST, "/_matrix/client/v3/register", None, Body::from(body)).await;
        assert_eq!(error(&answer), (413, "M_TOO_LARGE"));
    }
}
