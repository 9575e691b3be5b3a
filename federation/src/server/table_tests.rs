//! Holds `spec/endpoints.csv` to what a running server answers.

use axum::body::Body;
use hearth_http::table::{disagreements, table};
use http::{Method, Request, StatusCode};

use crate::{router::served, server::testing::TestServer};

#[test]
fn the_table_says_who_serves_what() {
    let beyond = [
        "server::discovery::keys_by_id::get_server_keys",
        "server::membership::send_join_v1::send_join",
        "server::membership::send_leave_v1::send_leave",
    ];
    let wrong = disagreements(&table("server-server"), &served(), &beyond);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_running_server_lets_in_who_signs() {
    let open = [
        "server::discovery::",
        "server::openid::",
        // Identity servers have no key of a server.
        "server::thirdparty::onbind::",
    ];
    let server = TestServer::new().await;
    for row in table("server-server") {
        let method = Method::from_bytes(row.method.as_bytes()).unwrap();
        let request = Request::builder().method(method).uri(row.example()).body(Body::empty()).unwrap();
        let status = server.send(request).await.status();
        let refused = status == StatusCode::UNAUTHORIZED;
        assert_eq!(refused, !open.iter().any(|open| row.handler.starts_with(open)), "{}: {status}", row.path);
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{}", row.path);
    }
}

#[tokio::test]
async fn a_signature_is_of_one_request() {
    let server = TestServer::new().await;
    let mut request = server.signed(Method::GET, "/_matrix/federation/v1/publicRooms", "");
    assert_eq!(server.send(request).await.status(), StatusCode::OK);
    request = server.signed(Method::GET, "/_matrix/federation/v1/publicRooms", "");
    *request.uri_mut() = "/_matrix/federation/v1/publicRooms?limit=1".parse().unwrap();
    assert_eq!(server.send(request).await.status(), StatusCode::UNAUTHORIZED);
}
