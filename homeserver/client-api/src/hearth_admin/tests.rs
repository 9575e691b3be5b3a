use serde_json::json;

use crate::testing::{NOWHERE, TestServer, error};

const ADMIN: &str = "/_hearth/admin/v1";

#[tokio::test]
async fn administrators_see_inside_and_nobody_else_does() {
    let server = TestServer::new();
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    for path in ["audit_log", "readers", "appservices", &format!("federation/{NOWHERE}")] {
        let path = format!("{ADMIN}/{path}");
        assert_eq!(error(&server.get(&path, Some(&alice)).await), (403, "M_FORBIDDEN"), "{path}");
        assert_eq!(server.get(&path, Some(&root)).await.0, 200, "{path}");
    }
    let (_, told) = server.get(&format!("{ADMIN}/federation/{NOWHERE}"), Some(&root)).await;
    assert_eq!((&told["answers"], told["error"].is_string()), (&json!(false), true), "{told}");

    for locked in [true, false, true] {
        let lock = format!("/_matrix/client/v1/admin/lock/{}", alice.id);
        assert_eq!(server.put(&lock, Some(&root), json!({ "locked": locked })).await.0, 200);
    }
    let first = server.get(&format!("{ADMIN}/audit_log?limit=2"), Some(&root)).await.1;
    assert_eq!(first["entries"][1]["body"], r#"{"locked":false}"#);
    let from = first["next_token"].as_str().unwrap();
    let rest = server.get(&format!("{ADMIN}/audit_log?limit=2&from={from}"), Some(&root)).await.1;
    assert_eq!((rest["entries"].as_array().unwrap().len(), rest.get("next_token")), (1, None));
    let wrong = server.get(&format!("{ADMIN}/audit_log?from=x"), Some(&root)).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));
}
