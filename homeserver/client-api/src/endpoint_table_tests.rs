//! Holds `spec/endpoints.csv` to what a running server answers.

use axum::body::Body;
use hearth_http::table::{Row, disagreements};
use http::Method;

use crate::{
    served,
    testing::{TestServer, error},
};

/// The rows of the client-server API.
pub(crate) fn table() -> Vec<Row> {
    hearth_http::table::table("client-server")
}

/// What is served beside the specification.
const BEYOND: &[&str] = &[
    "account_data::delete::delete_global_account_data",
    "account_data::delete::delete_room_account_data",
    // Synapse's way to register with a shared secret, which scripts know.
    "account::shared_secret::nonce",
    "account::shared_secret::register",
];

#[test]
fn the_table_says_who_serves_what() {
    let wrong = disagreements(&table(), &served(), BEYOND);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_running_server_knows_what_the_table_claims_and_no_more() {
    let server = TestServer::new();
    for row in table() {
        let path = row.example();
        let method = Method::from_bytes(row.method.as_bytes()).unwrap();
        // Nobody asks: whatever the answer is, it comes from an endpoint, unless there is none.
        let response = server
            .send(http::Request::builder().method(method.clone()).uri(&path).body(Body::empty()).unwrap());
        let response = response.await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let answer = (status, serde_json::from_slice(&body).unwrap_or_default());
        let unknown = matches!(error(&answer), (404 | 405, "M_UNRECOGNIZED"));
        assert_eq!(unknown, row.handler.is_empty(), "{method} {path}: {answer:?}");
    }
}
