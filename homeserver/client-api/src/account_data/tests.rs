use serde_json::json;

use crate::testing::{TestServer, error};

#[tokio::test]
async fn global_and_of_a_room() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let base = format!("/_matrix/client/v3/user/{}", alice.id);
    for path in
        [format!("{base}/account_data/org.example"), format!("{base}/rooms/!a:b/account_data/org.example")]
    {
        assert_eq!(error(&server.get(&path, Some(&alice)).await), (404, "M_NOT_FOUND"));
        assert_eq!(server.put(&path, Some(&alice), json!({ "a": [1] })).await.0, 200);
        assert_eq!(server.get(&path, Some(&alice)).await, (200, json!({ "a": [1] })));
        assert_eq!(error(&server.get(&path, Some(&bob)).await), (403, "M_FORBIDDEN"));
        assert_eq!(error(&server.put(&path, Some(&bob), json!({})).await), (403, "M_FORBIDDEN"));
        assert_eq!(error(&server.put(&path, Some(&alice), json!("text")).await), (400, "M_BAD_JSON"));
    }
}

#[tokio::test]
async fn deleting() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    for piece in ["account_data/org.example", "rooms/!a:b/account_data/org.example"] {
        let path = format!("/_matrix/client/v3/user/{}/{piece}", alice.id);
        let unstable = format!("/_matrix/client/unstable/org.matrix.msc3391/user/{}/{piece}", alice.id);
        for by_method in [true, false] {
            assert_eq!(server.put(&path, Some(&alice), json!({ "a": 1 })).await.0, 200);
            let answer = match by_method {
                true => server.delete(&unstable, Some(&alice), json!({})).await,
                false => server.put(&path, Some(&alice), json!({})).await,
            };
            assert_eq!(answer, (200, json!({})));
            assert_eq!(error(&server.get(&path, Some(&alice)).await), (404, "M_NOT_FOUND"));
        }
        assert_eq!(error(&server.delete(&unstable, Some(&bob), json!({})).await), (403, "M_FORBIDDEN"));
    }
    let rules =
        format!("/_matrix/client/unstable/org.matrix.msc3391/user/{}/account_data/m.push_rules", alice.id);
    assert_eq!(error(&server.delete(&rules, Some(&alice), json!({})).await), (405, "M_BAD_JSON"));
}

#[tokio::test]
async fn what_the_server_keeps_itself() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let base = format!("/_matrix/client/v3/user/{}", alice.id);
    let rules = format!("{base}/account_data/m.push_rules");
    assert_eq!(error(&server.put(&rules, Some(&alice), json!({})).await), (405, "M_BAD_JSON"));
    assert!(server.get(&rules, Some(&alice)).await.1["global"]["override"].is_array());
    let read = format!("{base}/rooms/!a:b/account_data/m.fully_read");
    assert_eq!(error(&server.put(&read, Some(&alice), json!({})).await), (405, "M_BAD_JSON"));
}

#[tokio::test]
async fn tags() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let base = format!("/_matrix/client/v3/user/{}/rooms/!a:b", alice.id);
    let favourite = format!("{base}/tags/m.favourite");
    assert_eq!(server.put(&favourite, Some(&alice), json!({ "order": 0.5 })).await.0, 200);
    assert_eq!(server.put(&format!("{base}/tags/u.work"), Some(&alice), json!({})).await.0, 200);
    let tags = json!({ "m.favourite": { "order": 0.5 }, "u.work": {} });
    assert_eq!(server.get(&format!("{base}/tags"), Some(&alice)).await.1, json!({ "tags": tags }));
    assert_eq!(server.get(&format!("{base}/account_data/m.tag"), Some(&alice)).await.1["tags"], tags);
    assert_eq!(server.delete(&favourite, Some(&alice), json!({})).await.0, 200);
    assert_eq!(server.get(&format!("{base}/tags"), Some(&alice)).await.1["tags"], json!({ "u.work": {} }));
    assert_eq!(error(&server.put(&favourite, Some(&bob), json!({})).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&server.get(&format!("{base}/tags"), Some(&bob)).await), (403, "M_FORBIDDEN"));
}
