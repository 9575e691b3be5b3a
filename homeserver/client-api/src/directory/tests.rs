use http::Method;
use serde_json::{Value, json};

use crate::{
    room::testing::{CLIENT, Cast, FORBIDDEN, NOT_FOUND},
    testing::{NOWHERE, TestServer, User, error},
};

#[tokio::test]
async fn aliases() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let alias = |name: &str| format!("{CLIENT}/directory/room/%23{name}:localhost:8008");
    let body = json!({ "room_id": room });
    cast.refuses(Method::PUT, &alias("a"), body.clone(), [FORBIDDEN; 3]).await;
    assert_eq!(error(&server.get(&alias("a"), None).await), NOT_FOUND);
    assert_eq!(server.put(&alias("a"), Some(&cast.bob), body.clone()).await, (200, json!({})));
    assert_eq!(error(&server.put(&alias("a"), Some(&cast.bob), body.clone()).await), (409, "M_UNKNOWN"));
    let wanted = json!({ "room_id": room, "servers": ["localhost:8008"] });
    assert_eq!(server.get(&alias("a"), None).await, (200, wanted));
    let elsewhere = format!("{CLIENT}/directory/room/%23a:{NOWHERE}");
    assert_eq!(error(&server.get(&elsewhere, None).await), (502, "M_UNKNOWN"));
    for wrong in [
        &alias("a%20b"),
        &alias(""),
        &format!("{CLIENT}/directory/room/%23a:elsewhere.org"),
        &format!("{CLIENT}/directory/room/a"),
    ] {
        assert_eq!(
            error(&server.put(wrong, Some(&cast.bob), body.clone()).await),
            (400, "M_INVALID_PARAM"),
            "{wrong}"
        );
    }

    // Who made it may delete it, and who has the power to change the main alias.
    server
        .set_state(&cast.alice, room, "m.room.canonical_alias", json!({ "alias": "#a:localhost:8008" }))
        .await;
    cast.refuses(Method::DELETE, &alias("a"), json!({}), [FORBIDDEN; 3]).await;
    assert_eq!(server.delete(&alias("a"), Some(&cast.bob), json!({})).await, (200, json!({})));
    // Bob may not change the main alias: it stays named.
    assert_eq!(server.state(&cast.bob, room, "m.room.canonical_alias").await["alias"], "#a:localhost:8008");
    assert_eq!(error(&server.delete(&alias("a"), Some(&cast.bob), json!({})).await), NOT_FOUND);
    assert_eq!(server.put(&alias("a"), Some(&cast.bob), body).await.0, 200);
    assert_eq!(server.delete(&alias("a"), Some(&cast.alice), json!({})).await.0, 200);
    assert_eq!(server.state(&cast.bob, room, "m.room.canonical_alias").await, json!({}));
}

#[tokio::test]
async fn a_room_is_published_by_who_may() {
    let cast = Cast::new().await;
    let (server, room) = (&cast.server, &cast.room);
    let path = format!("{CLIENT}/directory/list/room/{room}");
    assert_eq!(server.get(&path, None).await, (200, json!({ "visibility": "private" })));
    let body = json!({ "visibility": "public" });
    cast.refuses(Method::PUT, &path, body.clone(), [FORBIDDEN; 3]).await;
    assert_eq!(error(&server.put(&path, Some(&cast.bob), body.clone()).await), FORBIDDEN);
    assert_eq!(server.put(&path, Some(&cast.alice), body.clone()).await, (200, json!({})));
    assert_eq!(server.get(&path, None).await, (200, json!({ "visibility": "public" })));
    let wrong = server.put(&path, Some(&cast.alice), json!({ "visibility": "x" })).await;
    assert_eq!(error(&wrong), (400, "M_INVALID_PARAM"));
    let unknown = format!("{CLIENT}/directory/list/room/!none:localhost:8008");
    assert_eq!(error(&server.get(&unknown, None).await), NOT_FOUND);
    assert_eq!(error(&server.put(&unknown, Some(&cast.alice), body).await), NOT_FOUND);
}

#[tokio::test]
async fn the_published_rooms() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let publish = async |name: &str, extra: Value| {
        let mut body = json!({ "visibility": "public", "name": name });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.create_room(&alice, body).await
    };
    publish("one", json!({ "topic": "Red Wine" })).await;
    let two = publish("two", json!({ "room_alias_name": "deux" })).await;
    publish("three", json!({ "creation_content": { "type": "m.space" } })).await;
    // One that nobody can join is not shown.
    publish("hidden", json!({ "preset": "private_chat" })).await;
    server.act(&bob, &two, "join", json!({})).await;

    let path = format!("{CLIENT}/publicRooms");
    let names = |answer: &(u16, Value)| -> Vec<String> {
        assert_eq!(answer.0, 200, "{}", answer.1);
        let rooms = answer.1["chunk"].as_array().unwrap();
        rooms.iter().map(|room| room["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = server.get(&path, None).await;
    // Larger rooms first.
    assert_eq!(names(&all), ["two", "one", "three"]);
    assert_eq!((&all.1["next_batch"], &all.1["prev_batch"]), (&Value::Null, &Value::Null));
    let first = &all.1["chunk"][0];
    assert_eq!(
        (&first["num_joined_members"], &first["canonical_alias"]),
        (&json!(2), &json!("#deux:localhost:8008"))
    );

    // Forth and back, page by page.
    let page = async |since: &Value| {
        let since = since.as_str().map_or_else(String::new, |since| format!("&since={since}"));
        server.get(&format!("{path}?limit=1{since}"), None).await
    };
    let one = page(&Value::Null).await;
    let second = page(&one.1["next_batch"]).await;
    let third = page(&second.1["next_batch"]).await;
    assert_eq!([names(&one), names(&second), names(&third)].concat(), ["two", "one", "three"]);
    assert_eq!((&one.1["prev_batch"], &third.1["next_batch"]), (&Value::Null, &Value::Null));
    let back = page(&third.1["prev_batch"]).await;
    assert_eq!(names(&back), ["one"]);
    assert_eq!(names(&page(&back.1["next_batch"]).await), ["three"]);
    let start = page(&back.1["prev_batch"]).await;
    assert_eq!((names(&start), &start.1["prev_batch"]), (vec!["two".to_owned()], &Value::Null));
    assert_eq!(error(&server.get(&format!("{path}?since=x"), None).await), (400, "M_INVALID_PARAM"));
    let elsewhere = server.get(&format!("{path}?server={NOWHERE}"), None).await;
    assert_eq!(error(&elsewhere), (502, "M_UNKNOWN"));

    for (filter, wanted) in [
        (json!({ "generic_search_term": "wine" }), vec!["one"]),
        (json!({ "generic_search_term": "DEUX" }), vec!["two"]),
        (json!({ "room_types": ["m.space"] }), vec!["three"]),
        (json!({ "room_types": [null] }), vec!["two", "one"]),
        (json!({ "generic_search_term": "ＷÍNE" }), vec!["one"]),
        (json!({ "generic_search_term": "hidden" }), vec![]),
    ] {
        let found = server.post(&path, Some(&bob), json!({ "filter": filter })).await;
        assert_eq!(names(&found), wanted, "{filter}");
    }
    assert_eq!(error(&server.post(&path, None, json!({})).await), (401, "M_MISSING_TOKEN"));
}

#[tokio::test]
async fn the_user_directory() {
    let cast = Cast::new().await;
    let server = &cast.server;
    let name = format!("{CLIENT}/profile/{}/displayname", cast.bob.id);
    assert_eq!(server.put(&name, Some(&cast.bob), json!({ "displayname": "Robert" })).await.0, 200);
    let path = format!("{CLIENT}/user_directory/search");
    let search = async |who: &User, term: &str| {
        let (status, answer) = server.post(&path, Some(who), json!({ "search_term": term })).await;
        assert_eq!(status, 200, "{answer}");
        answer["results"].clone()
    };
    let bob = json!([{ "user_id": cast.bob.id, "display_name": "Robert" }]);
    assert_eq!(search(&cast.alice, "robert").await, bob);
    assert_eq!(search(&cast.alice, "róB").await, bob);
    assert_eq!(search(&cast.alice, "@BOB").await, bob);
    assert_eq!(search(&cast.bob, "robert").await, bob, "one finds oneself");
    // Not who shares no room.
    for who in [&cast.stranger, &cast.former] {
        assert_eq!(search(who, "robert").await, json!([]));
    }
    // Whoever is in an open room is seen by all.
    server.create_room(&cast.bob, json!({ "preset": "public_chat" })).await;
    assert_eq!(search(&cast.stranger, "robert").await, bob);
    assert_eq!(
        error(&server.post(&path, None, json!({ "search_term": "a" })).await),
        (401, "M_MISSING_TOKEN")
    );
    assert_eq!(error(&server.post(&path, Some(&cast.bob), json!({})).await), (400, "M_BAD_JSON"));
}

#[tokio::test]
async fn all_users_of_the_server_are_found_where_that_is_set() {
    let server = TestServer::with(|options| options.find_all_users = true);
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let path = format!("{CLIENT}/user_directory/search");
    let (status, answer) = server.post(&path, Some(&alice), json!({ "search_term": "bob" })).await;
    let found = json!({ "results": [{ "user_id": bob.id, "display_name": "bob" }], "limited": false });
    assert_eq!((status, answer), (200, found));
}
