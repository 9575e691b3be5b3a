//! Holds `spec/endpoints.csv` to what a running server answers.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Method;

use crate::{
    endpoint::Served,
    served,
    testing::{TestServer, error},
};

/// One row of the table.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Empty for what is not served.
    pub(crate) handler: &'static str,
}

/// The rows of the client-server API.
pub(crate) fn table() -> Vec<Row> {
    let table = include_str!("../../../spec/endpoints.csv");
    let rows = table.lines().skip(1).map(|line| match line.split(',').collect::<Vec<_>>()[..] {
        [method, path, handler, api] => (Row { method, path, handler }, api),
        _ => panic!("not a row: {line}"),
    });
    rows.filter(|(_, api)| *api == "client-server").map(|(row, _)| row).collect()
}

/// A path without the names of its variables, which differ between the specification and ruma.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// What is served beside the specification.
const BEYOND: &[&str] = &[
    // Synapse's way to register with a shared secret, which scripts know.
    "account::shared_secret::nonce",
    "account::shared_secret::register",
];

#[test]
fn the_table_says_who_serves_what() {
    let served = served();
    let find = |row: &Row| {
        let same = |served: &&Served| served.method == row.method && shape(served.path) == shape(row.path);
        served.iter().find(same).map_or("", |served| served.handler)
    };
    let wrong: Vec<String> = table()
        .iter()
        .filter(|row| row.handler != find(row))
        .map(|row| {
            format!("{} {}: the table says {:?}, it is {:?}", row.method, row.path, row.handler, find(row))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let known: BTreeSet<&str> = table().iter().map(|row| row.handler).chain(BEYOND.iter().copied()).collect();
    let missing: BTreeSet<&str> =
        served.iter().map(|served| served.handler).filter(|handler| !known.contains(handler)).collect();
    assert!(missing.is_empty(), "served, and in no row of the table: {missing:?}");
}

#[tokio::test]
async fn a_running_server_knows_what_the_table_claims_and_no_more() {
    let server = TestServer::new();
    for row in table() {
        let path: Vec<_> =
            row.path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment }).collect();
        let path = path.join("/");
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
