use http::Method;
use serde_json::{Value, json};

use crate::{
    room::testing::{Cast, FORBIDDEN},
    testing::{NOWHERE, TestServer, User, error},
};

async fn space(server: &TestServer, who: &User, name: &str, preset: &str) -> String {
    let body = json!({ "name": name, "preset": preset, "creation_content": { "type": "m.space" } });
    server.create_room(who, body).await
}

async fn add(server: &TestServer, who: &User, parent: &str, child: &str, content: Value) {
    let mut content = content;
    content["via"] = json!(["localhost:8008"]);
    server.set_state(who, parent, &format!("m.space.child/{child}"), content).await;
}

fn names(answer: &(u16, Value)) -> Vec<&str> {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_tree_of_spaces() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let root = space(&server, &alice, "root", "public_chat").await;
    let below = space(&server, &alice, "below", "public_chat").await;
    let room = async |name: &str, preset: &str| {
        server.create_room(&alice, json!({ "name": name, "preset": preset })).await
    };
    let (open, deep, secret) = (
        room("open", "public_chat").await,
        room("deep", "public_chat").await,
        room("secret", "private_chat").await,
    );
    add(&server, &alice, &root, &open, json!({ "order": "b", "suggested": true })).await;
    add(&server, &alice, &root, &below, json!({ "order": "a" })).await;
    add(&server, &alice, &root, &secret, json!({})).await;
    add(&server, &alice, &root, &format!("!elsewhere:{NOWHERE}"), json!({})).await;
    add(&server, &alice, &below, &deep, json!({})).await;
    // A loop, and a child that is taken out again.
    add(&server, &alice, &below, &root, json!({})).await;
    server.set_state(&alice, &below, &format!("m.space.child/{open}"), json!({})).await;

    let path = format!("/_matrix/client/v1/rooms/{root}/hierarchy");
    let all = server.get(&path, Some(&alice)).await;
    assert_eq!(names(&all), ["root", "below", "deep", "open", "secret"]);
    let children = all.1["rooms"][0]["children_state"].as_array().unwrap();
    assert_eq!(children.len(), 4);
    assert_eq!((&children[0]["state_key"], &children[0]["sender"]), (&json!(below), &json!(alice.id)));
    assert!(children[0]["origin_server_ts"].is_u64() && children[0]["event_id"].is_null());
    assert_eq!(all.1["rooms"][2]["children_state"], json!([]));

    let ask = async |query: &str| server.get(&format!("{path}?{query}"), Some(&bob)).await;
    assert_eq!(names(&ask("").await), ["root", "below", "deep", "open"]);
    assert_eq!(names(&ask("max_depth=1").await), ["root", "below", "open"]);
    assert_eq!(names(&ask("max_depth=0").await), ["root"]);
    assert_eq!(names(&ask("suggested_only=true").await), ["root", "open"]);
    let first = ask("limit=3").await;
    assert_eq!(names(&first), ["root", "below", "deep"]);
    let from = first.1["next_batch"].as_str().unwrap();
    let second = ask(&format!("limit=3&from={from}")).await;
    assert_eq!((names(&second), &second.1["next_batch"]), (vec!["open"], &Value::Null));
    for wrong in [
        "from=x",
        "limit=0",
        "limit=-1",
        &format!("from={from}&suggested_only=true"),
        &format!("from={from}&max_depth=1"),
    ] {
        assert_eq!(error(&ask(wrong).await), (400, "M_INVALID_PARAM"), "{wrong}");
    }
}

#[tokio::test]
async fn who_may_look() {
    let cast = Cast::new().await;
    let path = format!("/_matrix/client/v1/rooms/{}/hierarchy", cast.room);
    cast.refuses(Method::GET, &path, Value::Null, [FORBIDDEN; 3]).await;
    assert_eq!(names(&cast.server.get(&path, Some(&cast.bob)).await), ["Now"]);
    let unknown = "/_matrix/client/v1/rooms/!none:localhost:8008/hierarchy";
    assert_eq!(error(&cast.server.get(unknown, Some(&cast.bob)).await), FORBIDDEN);
    // That there is none is not known while its server does not answer.
    let elsewhere = format!("/_matrix/client/v1/rooms/!none:{NOWHERE}/hierarchy");
    assert_eq!(cast.server.get(&elsewhere, Some(&cast.bob)).await.0, 502);
    cast.server
        .set_state(&cast.alice, &cast.room, "m.room.join_rules", json!({ "join_rule": "knock" }))
        .await;
    assert_eq!(cast.server.get(&path, Some(&cast.stranger)).await.0, 200);
    assert_eq!(error(&cast.server.get(&path, Some(&cast.banned)).await), FORBIDDEN);
}

#[tokio::test]
async fn rooms_that_members_of_the_space_may_join() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let root = space(&server, &alice, "root", "public_chat").await;
    let rules =
        json!({ "join_rule": "restricted", "allow": [{ "type": "m.room_membership", "room_id": root }] });
    let initial_state = json!([{ "type": "m.room.join_rules", "content": rules }]);
    let bar = server.create_room(&alice, json!({ "name": "bar", "initial_state": initial_state })).await;
    add(&server, &alice, &root, &bar, json!({})).await;
    let path = format!("/_matrix/client/v1/rooms/{root}/hierarchy");
    assert_eq!(names(&server.get(&path, Some(&bob)).await), ["root"]);
    server.act(&bob, &root, "join", json!({})).await;
    let all = server.get(&path, Some(&bob)).await;
    assert_eq!(names(&all), ["root", "bar"]);
    assert_eq!(all.1["rooms"][1]["join_rule"], "restricted");
    assert_eq!(all.1["rooms"][1]["allowed_room_ids"], json!([root]));
    assert_eq!(server.state(&bob, &root, "m.room.create").await["type"], "m.space");
}
