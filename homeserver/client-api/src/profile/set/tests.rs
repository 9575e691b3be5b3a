use serde_json::json;

use crate::testing::{TestServer, User, error};

#[tokio::test]
async fn a_new_name_reaches_all_rooms() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(server.create_room(&alice, json!({ "invite": [bob.id] })).await);
    }
    let profile = format!("/_matrix/client/v3/profile/{}", alice.id);
    let set = async |field: &str, body| server.put(&format!("{profile}/{field}"), Some(&alice), body).await;
    assert_eq!(set("displayname", json!({ "displayname": "Alice" })).await, (200, json!({})));
    assert_eq!(set("avatar_url", json!({ "avatar_url": "mxc://a/b" })).await, (200, json!({})));
    assert_eq!(set("m.tz", json!({ "m.tz": "Europe/Zurich" })).await, (200, json!({})));
    assert_eq!(set("org.example.job", json!({ "org.example.job": { "a": [1] } })).await, (200, json!({})));
    let state = format!("m.room.member/{}", alice.id);
    for room in &rooms {
        let member = json!({ "membership": "join", "displayname": "Alice", "avatar_url": "mxc://a/b" });
        assert_eq!(server.state(&alice, room, &state).await, member);
        // Who is only invited is not made to join.
        let invited = server.state(&alice, room, &format!("m.room.member/{}", bob.id)).await;
        assert_eq!(invited["membership"], "invite");
    }
    assert_eq!(
        server.delete(&format!("{profile}/displayname"), Some(&alice), json!({})).await,
        (200, json!({}))
    );
    let member = json!({ "membership": "join", "avatar_url": "mxc://a/b" });
    assert_eq!(server.state(&alice, &rooms[0], &state).await, member);
    let left = json!({ "avatar_url": "mxc://a/b", "m.tz": "Europe/Zurich", "org.example.job": { "a": [1] } });
    assert_eq!(server.get(&profile, None).await, (200, left));
    // One that is not there can be deleted too.
    assert_eq!(server.delete(&format!("{profile}/displayname"), Some(&alice), json!({})).await.0, 200);
}

#[tokio::test]
async fn who_may_change_a_profile() {
    let server = TestServer::new();
    let (alice, bob, guest) =
        (server.register("alice").await, server.register("bob").await, server.register_guest().await);
    let field = |user: &User, field: &str| format!("/_matrix/client/v3/profile/{}/{field}", user.id);
    let name = field(&alice, "displayname");
    let body = json!({ "displayname": "A" });
    assert_eq!(error(&server.put(&name, None, body.clone()).await), (401, "M_MISSING_TOKEN"));
    assert_eq!(error(&server.put(&name, Some(&bob), body.clone()).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&server.delete(&name, Some(&bob), json!({})).await), (403, "M_FORBIDDEN"));
    assert_eq!(server.put(&field(&guest, "displayname"), Some(&guest), body.clone()).await.0, 200);
    let zone = server.put(&field(&guest, "m.tz"), Some(&guest), json!({ "m.tz": "Europe/Rome" })).await;
    assert_eq!(error(&zone), (403, "M_GUEST_ACCESS_FORBIDDEN"));
    for (path, body, wanted) in [
        (field(&alice, "Displayname"), json!({ "Displayname": "A" }), (400, "M_INVALID_PARAM")),
        (field(&alice, "avatar_url"), json!({ "avatar_url": "http://a" }), (400, "M_INVALID_PARAM")),
        (name.clone(), json!({ "displayname": 1 }), (400, "M_BAD_JSON")),
        (field(&alice, "a.b"), json!({ "a.b": "x".repeat(70_000) }), (400, "M_PROFILE_TOO_LARGE")),
        (field(&alice, &"a".repeat(300)), json!({ "a".repeat(300): 1 }), (400, "M_KEY_TOO_LARGE")),
    ] {
        assert_eq!(error(&server.put(&path, Some(&alice), body).await), wanted, "{path}");
    }
    server.api.users.accounts.set_suspended(&alice.id, true).await.unwrap();
    assert_eq!(error(&server.put(&name, Some(&alice), body).await), (403, "M_USER_SUSPENDED"));
}
