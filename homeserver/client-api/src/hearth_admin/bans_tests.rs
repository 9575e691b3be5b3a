use serde_json::{Value, json};

use crate::testing::{PASSWORD, TestServer, User, error};

const BANS: &str = "/_hearth/admin/v1/bans";
const FORBIDDEN: (u16, &str) = (403, "M_FORBIDDEN");
const LOCKED: (u16, &str) = (401, "M_USER_LOCKED");
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

async fn server_with_admin() -> (TestServer, User) {
    let server = TestServer::new();
    let root = server.register("root").await;
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    (server, root)
}

async fn log_in(server: &TestServer, name: &str) -> (u16, Value) {
    let identifier = json!({ "type": "m.id.user", "user": name });
    let body = json!({ "type": "m.login.password", "identifier": identifier, "password": PASSWORD });
    server.post("/_matrix/client/v3/login", None, body).await
}

#[tokio::test]
async fn a_banned_user_does_nothing_here_until_the_ban_is_lifted() {
    let (server, root) = server_with_admin().await;
    let (alice, spammer) = (server.register("alice").await, server.register("spammer1").await);
    let path = format!("{BANS}/user/@SPAM*:*");
    assert_eq!(error(&server.put(&path, Some(&alice), json!({})).await), FORBIDDEN);
    let made = server.put(&path, Some(&root), json!({ "reason": "they sell things" })).await;
    assert_eq!(made, (200, json!({})));

    assert_eq!(error(&server.get(WHOAMI, Some(&spammer)).await), LOCKED);
    assert_eq!(server.get(WHOAMI, Some(&spammer)).await.1["soft_logout"], true);
    assert_eq!(error(&log_in(&server, "spammer1").await), LOCKED);
    let auth = json!({ "type": "m.login.dummy" });
    let body = json!({ "username": "spammer2", "password": PASSWORD, "auth": auth });
    assert_eq!(error(&server.post("/_matrix/client/v3/register", None, body).await), FORBIDDEN);
    let room = server.create_room(&alice, json!({})).await;
    for invitee in ["@spammer1:localhost:8008", "@spammer9:elsewhere.org"] {
        let invite = format!("/_matrix/client/v3/rooms/{room}/invite");
        let answer = server.post(&invite, Some(&alice), json!({ "user_id": invitee })).await;
        assert_eq!(error(&answer), FORBIDDEN);
        let create = json!({ "invite": [invitee] });
        let answer = server.post("/_matrix/client/v3/createRoom", Some(&alice), create).await;
        assert_eq!(error(&answer), FORBIDDEN);
    }
    assert_eq!(server.get(WHOAMI, Some(&alice)).await.0, 200);

    let bans = server.get(BANS, Some(&root)).await.1;
    let ban = &bans["bans"][0];
    assert_eq!((&ban["kind"], &ban["glob"]), (&json!("user"), &json!("@spam*:*")), "{bans}");
    assert_eq!((&ban["by"], &ban["reason"]), (&json!(root.id), &json!("they sell things")));
    let log = server.get("/_hearth/admin/v1/audit_log", Some(&root)).await.1;
    assert!(log["entries"][0]["request"].as_str().unwrap().contains("/bans/user/"), "{log}");

    assert_eq!(server.delete(&path, Some(&root), json!({})).await, (200, json!({})));
    assert_eq!(error(&server.delete(&path, Some(&root), json!({})).await), (404, "M_NOT_FOUND"));
    assert_eq!(server.get(WHOAMI, Some(&spammer)).await.0, 200);
    assert_eq!(log_in(&server, "spammer1").await.0, 200);
}

#[tokio::test]
async fn banned_aliases_are_neither_made_nor_resolved() {
    let (server, root) = server_with_admin().await;
    let alice = server.register("alice").await;
    let room = server.create_room(&alice, json!({ "room_alias_name": "free-money" })).await;
    let path = |alias: &str| format!("/_matrix/client/v3/directory/room/%23{alias}:localhost:8008");
    assert_eq!(server.get(&path("free-money"), Some(&alice)).await.0, 200);
    server.put(&format!("{BANS}/alias/%23free-*:*"), Some(&root), json!({})).await;
    assert_eq!(error(&server.get(&path("free-money"), Some(&alice)).await), FORBIDDEN);
    let join = "/_matrix/client/v3/join/%23free-money:localhost:8008";
    assert_eq!(error(&server.post(join, Some(&root), json!({})).await), FORBIDDEN);
    let make = server.put(&path("free-food"), Some(&alice), json!({ "room_id": room })).await;
    assert_eq!(error(&make), FORBIDDEN);
    let create = json!({ "room_alias_name": "Free-Food" });
    let answer = server.post("/_matrix/client/v3/createRoom", Some(&alice), create).await;
    assert_eq!(error(&answer), FORBIDDEN);
    // Others are made as ever, and what is banned can be taken away.
    assert_eq!(server.put(&path("cats"), Some(&alice), json!({ "room_id": room })).await.0, 200);
    assert_eq!(server.delete(&path("free-money"), Some(&alice), json!({})).await.0, 200);
}

#[tokio::test]
async fn bans_that_make_no_sense_are_refused() {
    let (server, root) = server_with_admin().await;
    let ban = |kind: &str, glob: &str| {
        let path = format!("{BANS}/{kind}/{}", hearth_appservices::encoded(glob));
        let (server, root) = (&server, &root);
        async move { server.put(&path, Some(root), json!({})).await }
    };
    assert_eq!(error(&ban("room", "!x:y").await), (400, "M_INVALID_PARAM"));
    for (kind, glob) in [("user", "spam"), ("alias", "@x:y"), ("server", "@x:y"), ("server", "https://x")] {
        assert_eq!(error(&ban(kind, glob).await), (400, "M_BAD_JSON"), "{kind} {glob}");
    }
    assert_eq!(error(&ban("user", &format!("@{}:x", "x".repeat(300))).await), (413, "M_TOO_LARGE"));
    // Oneself, and the server itself.
    for (kind, glob) in [("user", "@r*:*"), ("user", "*"), ("server", "localhost"), ("server", "l*")] {
        assert_eq!(error(&ban(kind, glob).await), FORBIDDEN, "{kind} {glob}");
    }
    assert_eq!(server.get(BANS, Some(&root)).await.1, json!({ "bans": [] }));
}
