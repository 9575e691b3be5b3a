//! What bodies may take that come from other servers.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Method, Request, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::server::testing::TestServer;

const SEND: &str = "/_matrix/federation/v1/send/1";

/// A transaction that comes from an address, through a proxy on this machine.
fn transaction(server: &TestServer, address: &str, body: &str) -> Request<Body> {
    let mut request = server.signed(Method::PUT, SEND, body);
    request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
    request
}

#[tokio::test]
async fn uploads_that_stall_take_no_room_from_other_addresses() {
    let server = Arc::new(TestServer::new().await);
    let mut uploads = JoinSet::new();
    for _ in 0..12 {
        // 11 MiB of a transaction, and then nothing more.
        let chunk = Bytes::from_static(&[b' '; 64 << 10]);
        let chunks = stream::iter(vec![chunk; 11 * 16]).map(Ok::<_, std::io::Error>);
        let mut request = transaction(&server, "10.0.0.1", "{}");
        *request.body_mut() = Body::from_stream(chunks.chain(stream::pending()));
        let server = server.clone();
        uploads.spawn(async move { server.send(request).await.status() });
    }
    // There is room for two from one address.
    for _ in 0..10 {
        assert_eq!(uploads.join_next().await.unwrap().unwrap(), StatusCode::TOO_MANY_REQUESTS);
    }
    let edu = json!({ "edu_type": "m.unknown", "content": { "text": "x".repeat(60_000) } });
    let large = json!({ "origin": "there", "origin_server_ts": 1, "pdus": [], "edus": vec![edu; 100] });
    let answer = server.send(transaction(&server, "10.0.0.2", &large.to_string())).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_read_of_a_body_before_the_keys_of_its_server_are_there() {
    let server = TestServer::new().await;
    let mut request = server.signed(Method::PUT, SEND, "{}");
    let header = r#"X-Matrix origin="127.0.0.1:1",destination="here",key="ed25519:a",sig="AAAA""#;
    request.headers_mut().insert("authorization", header.parse().unwrap());
    let unread = stream::once(async { panic!("it is read") as Result<Bytes, std::io::Error> });
    *request.body_mut() = Body::from_stream(unread);
    assert_eq!(server.send(request).await.status(), StatusCode::UNAUTHORIZED);
}
