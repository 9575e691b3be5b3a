//! What is told of this server's users, rooms and media.

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use hearth_media::UploadInfo;
use hearth_spec::RoomVersion;
use http::{Method, Request, header};
use ruma::room_alias_id;
use serde_json::{json, value::to_raw_value};

use crate::server::testing::{TestServer, error, read, there};

#[tokio::test]
async fn profiles_and_devices_of_own_users() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let users = server.federation.users();
    let set = |field: &'static str, value: &'static str| {
        let (users, alice) = (users.clone(), alice.clone());
        async move { users.profiles.set(&alice, field, &to_raw_value(value).unwrap()).await.unwrap() }
    };
    set("displayname", "Alice").await;
    set("m.tz", "Europe/Paris").await;
    let profile = "/_matrix/federation/v1/query/profile?user_id=";
    let whole = json!({ "displayname": "Alice", "m.tz": "Europe/Paris" });
    assert_eq!(server.get(&format!("{profile}@alice:here")).await, (200, whole));
    let name = server.get(&format!("{profile}@alice:here&field=displayname")).await;
    assert_eq!(name, (200, json!({ "displayname": "Alice" })));
    let avatar = server.get(&format!("{profile}@alice:here&field=avatar_url")).await;
    assert_eq!(avatar, (200, json!({})));
    assert_eq!(error(&server.get(&format!("{profile}@nobody:here")).await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&server.get(&format!("{profile}@bob:there")).await), (404, "M_NOT_FOUND"));

    let (status, devices) = server.get("/_matrix/federation/v1/user/devices/@alice:here").await;
    assert_eq!((status, &devices["devices"]), (200, &json!([])));
    let wanted = json!({ "device_keys": { "@alice:here": [], "@bob:there": [] } });
    let (status, keys) = server.post("/_matrix/federation/v1/user/keys/query", wanted).await;
    assert_eq!(status, 200);
    assert!(keys["device_keys"].get("@bob:there").is_none());
    assert!(keys.get("user_signing_keys").is_none());
    let wanted = json!({ "one_time_keys": { "@alice:here": { "A": "signed_curve25519" } } });
    let claimed = server.post("/_matrix/federation/v1/user/keys/claim", wanted).await;
    assert_eq!(claimed.0, 200);
}

#[tokio::test]
async fn rooms_that_can_be_found() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let room = server.public_room(&alice, RoomVersion::V11).await;
    let alias = room_alias_id!("#room:here");
    server.federation.rooms().set_alias(alias, &room, &alice).await.unwrap();
    let query = "/_matrix/federation/v1/query/directory?room_alias=%23";
    let found = server.get(&format!("{query}room:here")).await;
    assert_eq!(found, (200, json!({ "room_id": room.id(), "servers": ["here"] })));
    assert_eq!(error(&server.get(&format!("{query}none:here")).await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&server.get("/_matrix/federation/v1/query/weather").await), (404, "M_NOT_FOUND"));

    let (_, rooms) = server.get("/_matrix/federation/v1/publicRooms").await;
    assert_eq!(rooms["chunk"][0]["room_id"], room.id().as_str());
    let filter = json!({ "filter": { "generic_search_term": "no such" } });
    let (_, rooms) = server.post("/_matrix/federation/v1/publicRooms", filter).await;
    assert_eq!(rooms["chunk"], json!([]));
}

#[tokio::test]
async fn spaces_show_what_the_server_could_join() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let space = server.public_space(&alice).await;
    let open = server.public_room(&alice, RoomVersion::V11).await;
    let closed = server.public_room(&alice, RoomVersion::V11).await;
    server.set(&closed, &alice, "m.room.join_rules", json!({ "join_rule": "invite" })).await;
    for child in [open.id().as_str(), closed.id().as_str(), "!far:there"] {
        server.set_child(&space, &alice, child).await;
    }
    let (status, answer) = server.get(&format!("/_matrix/federation/v1/hierarchy/{}", space.id())).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["room"]["children_state"].as_array().unwrap().len(), 3);
    assert_eq!(answer["children"].as_array().unwrap().len(), 1);
    assert_eq!(answer["children"][0]["room_id"], open.id().as_str());
    assert_eq!(answer["inaccessible_children"], json!([closed.id()]));
    let hidden = server.get(&format!("/_matrix/federation/v1/hierarchy/{}", closed.id())).await;
    assert_eq!(error(&hidden), (404, "M_NOT_FOUND"));
    // Who is in it may see it.
    server.set(&closed, &alice, "m.room.join_rules", json!({ "join_rule": "public" })).await;
    server.join(&closed, &there("bob")).await;
    server.set(&closed, &alice, "m.room.join_rules", json!({ "join_rule": "invite" })).await;
    let seen = server.get(&format!("/_matrix/federation/v1/hierarchy/{}", closed.id())).await;
    assert_eq!(seen.0, 200);
}

#[tokio::test]
async fn a_file_comes_in_parts() {
    let server = TestServer::new().await;
    let alice = server.register("alice").await;
    let about = UploadInfo { content_type: Some("text/plain".to_owned()), file_name: None };
    let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a file"))]);
    let uri = server.federation.media().upload(&alice, about, body).await.unwrap();
    let id = uri.media_id().unwrap();
    let path = format!("/_matrix/federation/v1/media/download/{id}");
    let response = server.send(server.signed(Method::GET, &path, "")).await;
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("multipart/mixed"));
    let length: usize = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(body.len(), length);
    assert!(String::from_utf8_lossy(&body).contains("\r\n\r\na file\r\n--"));
    let missing = server.get("/_matrix/federation/v1/media/download/none").await;
    assert_eq!(error(&missing), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn what_anyone_may_ask() {
    let server = TestServer::new().await;
    let ask = |path: String| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let server = &server;
        async move { read(server.send(request).await).await }
    };
    let (_, version) = ask("/_matrix/federation/v1/version".to_owned()).await;
    assert_eq!(version["server"]["name"], "Hearth");
    let (_, keys) = ask("/_matrix/key/v2/server".to_owned()).await;
    assert_eq!(keys["server_name"], "here");
    let (_, keys) = ask("/_matrix/key/v2/query/here".to_owned()).await;
    assert_eq!(keys["server_keys"][0]["server_name"], "here");
    let well_known = ask("/.well-known/matrix/server".to_owned()).await;
    assert_eq!(error(&well_known), (404, "M_NOT_FOUND"));

    let alice = server.register("alice").await;
    let sessions = &server.federation.users().sessions;
    let access_token = sessions.create(&alice, None, None, false).await.unwrap().access_token;
    let session = sessions.authenticate(&access_token).await.unwrap();
    let (token, _) = sessions.create_openid_token(&session).await.unwrap();
    let info = "/_matrix/federation/v1/openid/userinfo?access_token=";
    assert_eq!(ask(format!("{info}{token}")).await, (200, json!({ "sub": "@alice:here" })));
    assert_eq!(error(&ask(format!("{info}no")).await), (401, "M_UNKNOWN_TOKEN"));
}

#[tokio::test]
async fn a_transaction_is_of_who_signs_it() {
    let server = TestServer::new().await;
    let send = |origin: &str, edus: usize| {
        let edu = json!({ "edu_type": "none", "content": {} });
        let body = json!({ "origin": origin, "origin_server_ts": 1, "pdus": [], "edus": vec![edu; edus] });
        let server = &server;
        async move { server.put(&format!("/_matrix/federation/v1/send/{edus}"), body).await }
    };
    assert_eq!(send("there", 1).await, (200, json!({ "pdus": {} })));
    assert_eq!(send("elsewhere", 2).await.0, 403);
    assert_eq!(send("there", 101).await.0, 413);
}
