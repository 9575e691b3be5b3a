use serde_json::json;

use crate::testing::{TestServer, error};

#[tokio::test]
async fn moderation_is_for_administrators() {
    let server = TestServer::new();
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    for (action, field) in [("suspend", "suspended"), ("lock", "locked")] {
        let path = format!("/_matrix/client/v1/admin/{action}/{}", alice.id);
        assert_eq!(error(&server.get(&path, Some(&alice)).await), (403, "M_FORBIDDEN"));
        assert_eq!(
            error(&server.put(&path, Some(&alice), json!({ field: false })).await),
            (403, "M_FORBIDDEN")
        );
        assert_eq!(server.get(&path, Some(&root)).await, (200, json!({ field: false })));
        assert_eq!(
            server.put(&path, Some(&root), json!({ field: true })).await,
            (200, json!({ field: true }))
        );
        assert_eq!(server.get(&path, Some(&root)).await, (200, json!({ field: true })));
        assert_eq!(server.put(&path, Some(&root), json!({ field: false })).await.0, 200);

        let own = format!("/_matrix/client/v1/admin/{action}/{}", root.id);
        assert_eq!(error(&server.put(&own, Some(&root), json!({ field: true })).await), (403, "M_FORBIDDEN"));
        let far = format!("/_matrix/client/v1/admin/{action}/@a:elsewhere");
        assert_eq!(error(&server.get(&far, Some(&root)).await), (400, "M_INVALID_PARAM"));
        let nobody = format!("/_matrix/client/v1/admin/{action}/@nobody:localhost:8008");
        assert_eq!(error(&server.get(&nobody, Some(&root)).await), (404, "M_NOT_FOUND"));
    }
}

#[tokio::test]
async fn whois_is_for_administrators_and_oneself() {
    let server = TestServer::new();
    let (root, alice, bob) =
        (server.register("root").await, server.register("alice").await, server.register("bob").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    let path = format!("/_matrix/client/v3/admin/whois/{}", alice.id);
    for who in [&root, &alice] {
        let (status, body) = server.get(&path, Some(who)).await;
        assert_eq!((status, body["devices"].as_object().unwrap().len()), (200, 1));
    }
    assert_eq!(error(&server.get(&path, Some(&bob)).await), (403, "M_FORBIDDEN"));
}
