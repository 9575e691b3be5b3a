//! Services as clients: what they do as themselves and as their users.

use serde_json::{Value, json};

use super::{acting, ghost, irc, register, registration};
use crate::{
    room::testing::CLIENT,
    testing::{TestServer, User, device_keys, error},
};

#[tokio::test]
async fn a_service_acts_as_its_users_and_as_nobody_else() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", 1, json!({ "url": null }))]).await;
    let whoami = |name: &str| acting("account/whoami", name);

    let own = server.get(&format!("{CLIENT}/account/whoami"), Some(&irc())).await;
    assert_eq!(own, (200, json!({ "user_id": "@ircbot:localhost:8008" })));
    let forbidden = (403, "M_FORBIDDEN");
    assert_eq!(error(&server.get(&whoami("irc_bob"), Some(&irc())).await), forbidden, "not registered");
    assert_eq!(
        server.get(&acting("../versions", "irc_bob").replace("/v3/..", ""), Some(&irc())).await.0,
        200
    );
    ghost(&server, "irc_bob").await;
    assert_eq!(server.get(&whoami("irc_bob"), Some(&irc())).await.1["user_id"], "@irc_bob:localhost:8008");
    assert_eq!(error(&server.get(&whoami("alice"), Some(&irc())).await), forbidden, "not its user");
    assert_eq!(error(&server.get(&whoami("irc_x:elsewhere"), Some(&irc())).await), (400, "M_INVALID_PARAM"));

    // Who registers what.
    let register = async |who: Option<&User>, body: Value| {
        error(&server.post(&format!("{CLIENT}/register"), who, body).await).1.to_owned()
    };
    let ask = |name: &str| json!({ "type": "m.login.application_service", "username": name });
    assert_eq!(register(Some(&irc()), ask("irc_bob")).await, "M_USER_IN_USE");
    assert_eq!(register(Some(&irc()), ask("carol")).await, "M_EXCLUSIVE");
    assert_eq!(register(Some(&irc()), ask("irc_BIG")).await, "");
    assert_eq!(register(None, ask("irc_d")).await, "M_MISSING_TOKEN");
    assert_eq!(register(Some(&alice), ask("irc_d")).await, "M_UNKNOWN_TOKEN");
    let auth = json!({ "type": "m.login.dummy" });
    let theirs = json!({ "username": "irc_carol", "password": "correct horse", "auth": auth });
    assert_eq!(register(None, theirs).await, "M_EXCLUSIVE");

    // Who logs in as whom.
    let login = async |who: Option<&User>, name: &str| {
        let identifier = json!({ "type": "m.id.user", "user": name });
        let body = json!({ "type": "m.login.application_service", "identifier": identifier });
        server.post(&format!("{CLIENT}/login"), who, body).await
    };
    let logged_in = login(Some(&irc()), "irc_bob").await;
    assert_eq!(logged_in.0, 200, "{}", logged_in.1);
    assert_eq!(error(&login(Some(&irc()), "alice").await), forbidden);
    assert_eq!(error(&login(None, "irc_bob").await), (401, "M_MISSING_TOKEN"));
    let flows = server.get(&format!("{CLIENT}/login"), None).await.1["flows"].clone();
    assert!(flows.as_array().unwrap().contains(&json!({ "type": "m.login.application_service" })));
}

#[tokio::test]
async fn aliases_are_made_by_their_owner() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let xmpp = registration("xmpp", 1, json!({ "url": null }));
    let _pushing = register(&server, &[registration("irc", 1, json!({ "url": null })), xmpp]).await;
    let room = server.create_room(&alice, json!({})).await;
    let alias = |name: &str| format!("{CLIENT}/directory/room/%23{name}:localhost:8008");
    let body = json!({ "room_id": room });
    let exclusive = (400, "M_EXCLUSIVE");
    assert_eq!(error(&server.put(&alias("irc_a"), Some(&alice), body.clone()).await), exclusive);
    assert_eq!(error(&server.put(&alias("a"), Some(&irc()), body.clone()).await), exclusive);
    assert_eq!(error(&server.put(&alias("xmpp_a"), Some(&irc()), body.clone()).await), exclusive);
    assert_eq!(server.put(&alias("irc_a"), Some(&irc()), body).await.0, 200);
    let named = json!({ "room_alias_name": "irc_b" });
    assert_eq!(error(&server.post(&format!("{CLIENT}/createRoom"), Some(&alice), named).await), exclusive);
    assert_eq!(error(&server.delete(&alias("irc_a"), Some(&alice), json!({})).await), exclusive);
    assert_eq!(server.delete(&alias("irc_a"), Some(&irc()), json!({})).await.0, 200);
}

#[tokio::test]
async fn devices_are_made_without_logging_in() {
    let server = TestServer::new();
    let flags = json!({ "url": null, "io.element.msc4190": true });
    let _pushing = register(&server, &[registration("irc", 1, flags)]).await;
    let bot = irc();
    let device = format!("{CLIENT}/devices/BRIDGE");
    assert_eq!(server.put(&device, Some(&bot), json!({ "display_name": "a bridge" })).await.0, 201);
    assert_eq!(server.put(&device, Some(&bot), json!({})).await.0, 200);
    let whoami =
        async |query: &str| server.get(&format!("{CLIENT}/account/whoami?{query}"), Some(&bot)).await;
    assert_eq!(whoami("device_id=BRIDGE").await.1["device_id"], "BRIDGE");
    assert_eq!(whoami("org.matrix.msc3202.device_id=BRIDGE").await.1["device_id"], "BRIDGE");
    assert_eq!(error(&whoami("device_id=OTHER").await), (400, "M_UNKNOWN_DEVICE"));

    let on_it = User { device: "BRIDGE".into(), ..bot.clone() };
    let keys = json!({ "device_keys": device_keys(&on_it) });
    let upload = format!("{CLIENT}/keys/upload");
    assert_eq!(error(&server.post(&upload, Some(&bot), keys.clone()).await), (400, "M_MISSING_PARAM"));
    assert_eq!(server.post(&format!("{upload}?device_id=BRIDGE"), Some(&bot), keys).await.0, 200);
    let register = json!({ "type": "m.login.application_service", "username": "irc_x" });
    let refused = server.post(&format!("{CLIENT}/register"), Some(&bot), register).await;
    assert_eq!(error(&refused), (400, "M_APPSERVICE_LOGIN_UNSUPPORTED"));
    assert_eq!(server.delete(&device, Some(&bot), json!({})).await.0, 200);
}

#[tokio::test]
async fn a_service_says_when_something_happened_and_is_not_limited() {
    let server = TestServer::with(|options| options.rate_limits = Some(Default::default()));
    let _pushing = register(&server, &[registration("irc", 1, json!({ "url": null }))]).await;
    let room = server.create_room(&irc(), json!({})).await;
    for number in 0..200 {
        let send = format!("{CLIENT}/rooms/{room}/send/m.room.message/{number}?ts=1000");
        assert_eq!(server.put(&send, Some(&irc()), json!({ "body": "x" })).await.0, 200);
    }
    let state = format!("{CLIENT}/rooms/{room}/state/m.room.topic/?ts=2000");
    let sent = server.put(&state, Some(&irc()), json!({ "topic": "x" })).await.1;
    let event = format!("{CLIENT}/rooms/{room}/event/{}", sent["event_id"].as_str().unwrap());
    assert_eq!(server.get(&event, Some(&irc())).await.1["origin_server_ts"], 2000);
    let messages = format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=3");
    assert_eq!(server.get(&messages, Some(&irc())).await.1["chunk"][1]["origin_server_ts"], 1000);
}
