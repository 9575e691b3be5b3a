use serde_json::json;

use crate::testing::{TestServer, error};

#[tokio::test]
async fn versions() {
    let server = TestServer::new();
    let (status, body) = server.get("/_matrix/client/versions", None).await;
    assert_eq!(status, 200);
    assert!(body["versions"].as_array().unwrap().contains(&json!("v1.19")));
    assert_eq!(body["unstable_features"]["org.matrix.msc3391"], true);
    let unknown = server.get("/_matrix/client/versions?access_token=x", None).await;
    assert_eq!(error(&unknown), (401, "M_UNKNOWN_TOKEN"));
}

/// What is not served of the specification is what a server may leave out, or says that it has not.
#[test]
fn the_versions_are_served() {
    let optional = [
        // Third-party identifiers, and e-mail.
        "/3pid",
        "/requestToken",
        // There are no application services.
        "/appservice/",
        // Neither OAuth 2.0 nor single sign-on.
        "/auth_metadata",
        "/sso/",
        // This server is no policy server.
        "/policy_server",
    ];
    for row in crate::endpoint_table_tests::table() {
        let is_optional = optional.iter().any(|part| row.path.contains(part));
        assert!(!row.handler.is_empty() || is_optional, "{} {}", row.method, row.path);
    }
}

#[tokio::test]
async fn capabilities() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let path = "/_matrix/client/v3/capabilities";
    let (_, body) = server.get(path, Some(&alice)).await;
    let capabilities = &body["capabilities"];
    assert_eq!(capabilities["m.room_versions"]["default"], "12");
    assert_eq!(capabilities["m.room_versions"]["available"].as_object().unwrap().len(), 12);
    assert_eq!(capabilities["m.3pid_changes"], json!({ "enabled": false }));
    assert_eq!(capabilities["m.change_password"], json!({ "enabled": true }));
    assert!(capabilities.get("m.account_moderation").is_none());

    server.api.users.accounts.set_admin(&alice.id, true).await.unwrap();
    let (_, body) = server.get(path, Some(&alice)).await;
    assert_eq!(body["capabilities"]["m.account_moderation"], json!({ "suspend": true, "lock": true }));
}

#[tokio::test]
async fn well_known() {
    let silent = TestServer::new();
    for path in ["/.well-known/matrix/client", "/.well-known/matrix/support"] {
        assert_eq!(error(&silent.get(path, None).await), (404, "M_NOT_FOUND"));
    }
    let server = TestServer::with(|options| {
        options.base_url = Some("https://matrix.example".to_owned());
        options.support_email = Some("help@example.org".to_owned());
    });
    let client = server.get("/.well-known/matrix/client", None).await;
    assert_eq!(client, (200, json!({ "m.homeserver": { "base_url": "https://matrix.example" } })));
    let (_, support) = server.get("/.well-known/matrix/support", None).await;
    assert_eq!(support["contacts"][0]["email_address"], "help@example.org");
}

/// The small families that say what is not here.
#[tokio::test]
async fn what_is_not_here() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let get = async |path: &str| server.get(&format!("/_matrix/client/v3/{path}"), Some(&alice)).await;
    assert_eq!(get("voip/turnServer").await, (200, json!({})));
    assert_eq!(get("thirdparty/protocols").await, (200, json!({})));
    assert_eq!(error(&get("thirdparty/protocol/irc").await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&get("thirdparty/location/irc").await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn openid_tokens_are_for_oneself() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let path = format!("/_matrix/client/v3/user/{}/openid/request_token", alice.id);
    let (status, body) = server.post(&path, Some(&alice), json!({})).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
    assert_eq!(body["matrix_server_name"], "localhost:8008");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(server.api.users.sessions.openid_user(token).unwrap(), Some(alice.id));
    assert_eq!(error(&server.post(&path, Some(&bob), json!({})).await), (403, "M_FORBIDDEN"));
}
