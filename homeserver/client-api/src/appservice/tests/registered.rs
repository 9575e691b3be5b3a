//! Which services there are.

use std::path::Path;

use hearth_appservices::AppServices;
use serde_json::json;

use super::{Bridge, bridged, irc, register, registration, reload, say};
use crate::{
    room::testing::CLIENT,
    testing::{TestServer, User, error},
};

#[tokio::test]
async fn services_come_and_go_without_a_restart() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let irc_alone = [registration("irc", bridge.port, json!({}))];
    let pushing = register(&server, &irc_alone).await;
    let room = bridged(&server, &alice).await;
    bridge.transaction().await;
    // Another one comes, that is dead: the first goes on.
    let both = [irc_alone[0].clone(), registration("xmpp", 1, json!({}))];
    reload(&server, &pushing, &both).await;
    say(&server, &alice, &room, "one").await;
    assert_eq!(bridge.messages(1).await, ["one"]);
    let xmpp = User { token: "from_xmpp".to_owned(), ..irc() };
    let whoami = format!("{CLIENT}/account/whoami");
    assert_eq!(server.get(&whoami, Some(&xmpp)).await.1["user_id"], "@xmppbot:localhost:8008");
    reload(&server, &pushing, &irc_alone).await;
    assert_eq!(error(&server.get(&whoami, Some(&xmpp)).await), (401, "M_UNKNOWN_TOKEN"));
    say(&server, &alice, &room, "two").await;
    assert_eq!(bridge.messages(1).await, ["two"]);
}

#[test]
fn files_that_claim_the_same_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.yaml"), folder.path().join("two.yaml"));
    std::fs::write(&one, registration("irc", 1, json!({})).to_string()).unwrap();
    let mut other = registration("irc", 1, json!({}));
    other["id"] = "other".into();
    other["as_token"] = "other".into();
    other["sender_localpart"] = "other".into();
    std::fs::write(&two, other.to_string()).unwrap();
    let server_name = ruma::server_name!("here.org");
    let refused = AppServices::read(&[one, two.clone()], server_name).unwrap_err().to_string();
    assert!(refused.contains("two.yaml") && refused.contains("`irc`"), "{refused}");
    let missing = AppServices::read(&[Path::new("/nowhere.yaml").to_owned()], server_name).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere.yaml: "), "{missing}");
}
