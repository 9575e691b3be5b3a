//! What services are asked, and what their answers come to.

use axum::{Router, body::Body};
use serde_json::{Value, json};

use super::{Bridge, irc, register, registration};
use crate::{
    room::testing::CLIENT,
    testing::{TestServer, User, error},
};

#[tokio::test]
async fn pings_say_what_is_wrong() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let registrations = [
        registration("irc", bridge.port, json!({})),
        registration("dead", 1, json!({})),
        registration("deaf", 1, json!({ "url": null })),
    ];
    let _pushing = register(&server, &registrations).await;
    let ping = async |id: &str, token: &str| {
        let who = User { token: token.to_owned(), ..irc() };
        server.post(&format!("/_matrix/client/v1/appservice/{id}/ping"), Some(&who), json!({})).await
    };
    let fine = ping("irc", "from_irc").await;
    assert!(fine.0 == 200 && fine.1["duration_ms"].is_u64(), "{fine:?}");
    assert_eq!(error(&ping("dead", "from_irc").await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&ping("irc", "wrong").await), (401, "M_UNKNOWN_TOKEN"));
    assert_eq!(error(&ping("deaf", "from_deaf").await), (400, "M_URL_NOT_SET"));
    assert_eq!(error(&ping("dead", "from_dead").await), (502, "M_CONNECTION_FAILED"));
    bridge.will_answer(403, json!({ "errcode": "M_FORBIDDEN" }));
    let refused = ping("irc", "from_irc").await;
    assert_eq!((error(&refused), &refused.1["status"]), ((502, "M_BAD_STATUS"), &json!(403)));
}

#[tokio::test]
async fn users_and_aliases_are_made_when_they_are_looked_up() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", bridge.port, json!({}))]).await;
    let room = server.create_room(&alice, json!({})).await;
    let invite = json!({ "user_id": "@irc_new:localhost:8008" });
    server.act(&alice, &room, "invite", invite).await;
    let asked = bridge.next().await;
    assert_eq!(asked.path, "/_matrix/app/v1/users/%40irc_new%3Alocalhost%3A8008?access_token=to_irc");
    bridge.transaction().await;
    bridge.will_answer(404, json!({ "errcode": "M_NOT_FOUND" }));
    let alias = |name: &str| format!("{CLIENT}/directory/room/%23{name}:localhost:8008");
    assert_eq!(error(&server.get(&alias("irc_a"), None).await), (404, "M_NOT_FOUND"));
    assert_eq!(
        bridge.next().await.path,
        "/_matrix/app/v1/rooms/%23irc_a%3Alocalhost%3A8008?access_token=to_irc"
    );
    // Who is not in its namespaces is none of its business.
    assert_eq!(error(&server.get(&alias("other"), None).await).0, 404);
    assert!(bridge.asked.lock().await.try_recv().is_err());
}

#[tokio::test]
async fn networks_are_what_services_say_of_them() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let flags = json!({ "protocols": ["irc"] });
    let _pushing = register(&server, &[registration("irc", bridge.port, flags)]).await;
    let path = |what: &str| format!("{CLIENT}/thirdparty/{what}");
    bridge.will_answer(200, json!({ "instances": [{ "network_id": "libera", "desc": "L" }], "icon": "x" }));
    let (_, networks) = server.get(&path("protocols"), Some(&alice)).await;
    assert_eq!(networks["irc"]["instances"][0]["instance_id"], "irc|libera");
    assert_eq!(bridge.next().await.path, "/_matrix/app/v1/thirdparty/protocol/irc?access_token=to_irc");
    bridge.will_answer(200, json!([{ "alias": "#irc_a:localhost:8008", "protocol": "irc", "fields": {} }]));
    let found = server.get(&path("location/irc?channel=%23tea"), Some(&alice)).await;
    assert_eq!((found.0, &found.1[0]["protocol"]), (200, &json!("irc")));
    let asked = bridge.next().await;
    assert_eq!(asked.path, "/_matrix/app/v1/thirdparty/location/irc?channel=%23tea&access_token=to_irc");
    bridge.will_answer(200, json!([]));
    let users = server.get(&path("user?userid=@irc_a:localhost:8008"), Some(&alice)).await;
    assert_eq!(users, (200, json!([])));
    assert_eq!(error(&server.get(&path("protocol/xmpp"), Some(&alice)).await), (404, "M_NOT_FOUND"));

    // Its own directory.
    let room = server.create_room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    let publish = format!("{CLIENT}/directory/list/appservice/libera/{room}");
    assert_eq!(server.put(&publish, Some(&irc()), json!({ "visibility": "public" })).await, (200, json!({})));
    let listed = async |body: Value| {
        let found = server.post(&format!("{CLIENT}/publicRooms"), Some(&alice), body).await.1;
        found["chunk"].as_array().unwrap().len()
    };
    assert_eq!(listed(json!({ "third_party_instance_id": "irc|libera" })).await, 1);
    assert_eq!(listed(json!({ "third_party_instance_id": "irc|other" })).await, 0);
    assert_eq!(listed(json!({ "include_all_networks": true })).await, 1);
    assert_eq!(listed(json!({})).await, 0);
    assert_eq!(server.put(&publish, Some(&irc()), json!({ "visibility": "private" })).await.0, 200);
    assert_eq!(listed(json!({ "include_all_networks": true })).await, 0);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endless = || async {
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8 << 10]));
        Body::from_stream(chunks)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(endless)).await });
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let flags = json!({ "protocols": ["irc"] });
    let _pushing = register(&server, &[registration("irc", port, flags)]).await;
    let path = format!("{CLIENT}/thirdparty/protocols");
    assert_eq!(server.get(&path, Some(&alice)).await, (200, json!({})));
    let ping = server.post("/_matrix/client/v1/appservice/irc/ping", Some(&irc()), json!({})).await;
    assert_eq!(error(&ping), (502, "M_CONNECTION_FAILED"));
}
