use serde_json::json;

use crate::{
    TurnServers,
    testing::{TestServer, error},
};

const TURN: &str = "/_matrix/client/v3/voip/turnServer";

#[tokio::test]
async fn users_get_credentials_that_end_and_guests_none() {
    let uri = "turn:turn.example:3478?transport=udp";
    let server = TestServer::with(|options| {
        options.turn = Some(TurnServers { uris: vec![uri.to_owned()], secret: "secret".to_owned() });
    });
    let alice = server.register("alice").await;
    let (status, told) = server.get(TURN, Some(&alice)).await;
    assert_eq!((status, &told["uris"], &told["ttl"]), (200, &json!([uri]), &json!(86_400)));
    assert_eq!(told["username"], format!("{}:{}", 1_700_000_000 + 86_400, alice.id));
    let expected = hearth_turn::Credentials::new(b"secret", alice.id.as_str(), 1_700_000_000 + 86_400);
    assert_eq!(told["password"], expected.password);
    assert_eq!(error(&server.get(TURN, None).await), (401, "M_MISSING_TOKEN"));
    let guest = server.register_guest().await;
    assert_eq!(error(&server.get(TURN, Some(&guest)).await), (403, "M_GUEST_ACCESS_FORBIDDEN"));
}
