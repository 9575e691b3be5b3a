use serde_json::json;

use crate::testing::{TestServer, error};

const TRANSPORTS: &str = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";

#[tokio::test]
async fn a_server_without_a_place_for_calls_does_not_know_what_that_is() {
    let server = TestServer::with(|options| options.base_url = Some("https://matrix.example".to_owned()));
    let alice = server.register("alice").await;
    assert_eq!(error(&server.get(TRANSPORTS, Some(&alice)).await), (404, "M_UNRECOGNIZED"));
    assert_eq!(error(&server.get(TRANSPORTS, None).await), (401, "M_MISSING_TOKEN"));
    let (_, client) = server.get("/.well-known/matrix/client", None).await;
    assert!(client.get("org.matrix.msc4143.rtc_foci").is_none());
    let (_, versions) = server.get("/_matrix/client/versions", None).await;
    assert!(versions["unstable_features"].get("org.matrix.msc4143").is_none());
}

#[tokio::test]
async fn places_for_calls_are_told_by_the_endpoint_and_to_older_clients() {
    let urls = ["https://one.example/livekit/jwt", "https://two.example"];
    let server = TestServer::with(|options| {
        options.base_url = Some("https://matrix.example".to_owned());
        options.rtc_livekit = urls.map(str::to_owned).to_vec();
    });
    let alice = server.register("alice").await;
    let expected = json!(urls.map(|url| json!({ "type": "livekit", "livekit_service_url": url })));
    let told = server.get(TRANSPORTS, Some(&alice)).await;
    assert_eq!(told, (200, json!({ "rtc_transports": expected })));
    let (_, client) = server.get("/.well-known/matrix/client", None).await;
    assert_eq!(client["org.matrix.msc4143.rtc_foci"], expected);
    let (_, versions) = server.get("/_matrix/client/versions", None).await;
    assert_eq!(versions["unstable_features"]["org.matrix.msc4143"], true);
}
