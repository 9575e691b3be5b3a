use serde_json::json;

use crate::testing::{TestServer, error};

#[tokio::test]
async fn filters_are_kept_as_they_came_for_their_user() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let path = format!("/_matrix/client/v3/user/{}/filter", alice.id);
    let filter = json!({ "room": { "timeline": { "limit": 5 } }, "org.example.own": true });
    let (status, made) = server.post(&path, Some(&alice), filter.clone()).await;
    assert_eq!(status, 200, "{made}");
    let path_of_it = format!("{path}/{}", made["filter_id"].as_str().unwrap());
    assert_eq!(server.get(&path_of_it, Some(&alice)).await, (200, filter.clone()));

    assert_eq!(error(&server.post(&path, Some(&bob), filter).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&server.get(&path_of_it, Some(&bob)).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&server.get(&format!("{path}/nonsense"), Some(&alice)).await), (404, "M_NOT_FOUND"));
    let bad = server.post(&path, Some(&alice), json!({ "room": { "timeline": { "limit": "many" } } })).await;
    assert_eq!(error(&bad), (400, "M_BAD_JSON"));
}
