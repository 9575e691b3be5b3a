use serde_json::{json, value::to_raw_value};

use crate::testing::{NOWHERE, TestServer, error};

#[tokio::test]
async fn anyone_may_look() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let name = to_raw_value("Alice").unwrap();
    server.api.users.profiles.set(&alice.id, "displayname", &name).await.unwrap();
    let profile = format!("/_matrix/client/v3/profile/{}", alice.id);
    assert_eq!(server.get(&profile, None).await, (200, json!({ "displayname": "Alice" })));
    let field = server.get(&format!("{profile}/displayname"), None).await;
    assert_eq!(field, (200, json!({ "displayname": "Alice" })));
    assert_eq!(error(&server.get(&format!("{profile}/avatar_url"), None).await), (404, "M_NOT_FOUND"));
    let nobody = server.get("/_matrix/client/v3/profile/@nobody:localhost:8008", None).await;
    assert_eq!(error(&nobody), (404, "M_NOT_FOUND"));
    let elsewhere = server.get(&format!("/_matrix/client/v3/profile/@a:{NOWHERE}"), None).await;
    assert_eq!(error(&elsewhere), (502, "M_UNKNOWN"));
}
