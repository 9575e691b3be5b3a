mod affairs;
mod media;
mod restrictions;
mod works;

use serde_json::json;

use crate::testing::{PASSWORD, TestServer, User, error};

pub(super) const ADMIN: &str = "/_synapse/admin";

pub(super) async fn server() -> (TestServer, User, User) {
    let server = TestServer::new();
    let (root, alice) = (server.register("root").await, server.register("alice").await);
    server.api.users.accounts.set_admin(&root.id, true).await.unwrap();
    (server, root, alice)
}

#[tokio::test]
async fn all_of_it_is_for_administrators() {
    let (server, _, alice) = server().await;
    for row in hearth_http::table::table("synapse-admin") {
        if row.handler.is_empty() || row.path.ends_with("/register") {
            continue;
        }
        let method = row.method.parse().unwrap();
        let answer = server.ask(method, &row.example(), Some(&alice), "{}".into()).await;
        assert_eq!(error(&answer), (403, "M_FORBIDDEN"), "{} {}", row.method, row.path);
    }
}

#[tokio::test]
async fn accounts_are_made_changed_and_ended() {
    let (server, root, _) = server().await;
    let path = format!("{ADMIN}/v2/users/@carol:localhost:8008");
    assert_eq!(server.get(&path, Some(&root)).await.0, 404);
    let body = json!({ "password": "very secret", "displayname": "Carol", "admin": false, "threepids": [] });
    let (status, made) = server.put(&path, Some(&root), body).await;
    assert_eq!((status, &made["displayname"], &made["admin"]), (201, &json!("Carol"), &json!(false)));
    let login = json!({
        "type": "m.login.password", "password": "very secret",
        "identifier": { "type": "m.id.user", "user": "carol" },
    });
    let log_in = async |body| server.post("/_matrix/client/v3/login", None, body).await;
    let (status, session) = log_in(login.clone()).await;
    assert_eq!(status, 200, "{session}");
    // The rest stays; a new password ends the sessions.
    let (status, changed) =
        server.put(&path, Some(&root), json!({ "password": "other", "admin": true })).await;
    assert_eq!((status, &changed["displayname"], &changed["admin"]), (200, &json!("Carol"), &json!(true)));
    assert_eq!(log_in(login).await.0, 403);
    let devices = server.get(&format!("{path}/devices"), Some(&root)).await.1;
    assert_eq!(devices["total"], 0, "{devices}");
    let (_, changed) = server.put(&path, Some(&root), json!({ "displayname": null })).await;
    assert_eq!(changed["displayname"], json!(null));

    let unkept = json!({ "external_ids": [{ "auth_provider": "a", "external_id": "b" }] });
    assert_eq!(error(&server.put(&path, Some(&root), unkept).await), (400, "M_INVALID_PARAM"));
    let deactivate = format!("{ADMIN}/v1/deactivate/@carol:localhost:8008");
    let (status, answer) = server.post(&deactivate, Some(&root), json!({ "erase": true })).await;
    assert_eq!((status, &answer["id_server_unbind_result"]), (200, &json!("success")));
    let gone = server.get(&path, Some(&root)).await.1;
    assert_eq!((&gone["deactivated"], &gone["erased"]), (&json!(true), &json!(true)));
    let back = server.put(&path, Some(&root), json!({ "deactivated": false })).await;
    assert_eq!(error(&back), (400, "M_INVALID_PARAM"));
    // Nobody saws off the branch on which they sit.
    let own = format!("{ADMIN}/v2/users/{}", root.id);
    assert_eq!(error(&server.put(&own, Some(&root), json!({ "admin": false })).await), (403, "M_FORBIDDEN"));
    let far = format!("{ADMIN}/v2/users/@carol:elsewhere");
    assert_eq!(error(&server.get(&far, Some(&root)).await), (400, "M_INVALID_PARAM"));
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let (server, root, _) = server().await;
    for name in ["bob", "carol", "dave"] {
        server.register(name).await;
    }
    let names = |answer: &serde_json::Value| -> Vec<String> {
        let users = answer["users"].as_array().unwrap().iter();
        users.map(|user| user["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = server.get(&format!("{ADMIN}/v2/users?limit=2"), Some(&root)).await.1;
    assert_eq!(names(&first), ["@alice:localhost:8008", "@bob:localhost:8008"]);
    assert_eq!((&first["total"], &first["next_token"]), (&json!(5), &json!("2")));
    let rest = server.get(&format!("{ADMIN}/v2/users?limit=9&from=2"), Some(&root)).await.1;
    assert_eq!((names(&rest).len(), rest.get("next_token")), (3, None));
    let last = server.get(&format!("{ADMIN}/v2/users?order_by=name&dir=b&limit=1"), Some(&root)).await.1;
    assert_eq!(names(&last), ["@root:localhost:8008"]);
    let found = server.get(&format!("{ADMIN}/v2/users?name=ARO"), Some(&root)).await.1;
    assert_eq!(names(&found), ["@carol:localhost:8008"]);
    let admins = server.get(&format!("{ADMIN}/v3/users?admins=true"), Some(&root)).await.1;
    assert_eq!(names(&admins), ["@root:localhost:8008"]);
    let deactivated = server.get(&format!("{ADMIN}/v3/users?deactivated=true"), Some(&root)).await.1;
    assert_eq!(deactivated["total"], 0);
}

#[tokio::test]
async fn devices_and_logins_of_a_user() {
    let (server, root, alice) = server().await;
    let devices = format!("{ADMIN}/v2/users/{}/devices", alice.id);
    let one = format!("{devices}/{}", alice.device);
    assert_eq!(server.put(&one, Some(&root), json!({ "display_name": "lost phone" })).await.0, 200);
    assert_eq!(server.get(&one, Some(&root)).await.1["display_name"], "lost phone");
    let login = format!("{ADMIN}/v1/users/{}/login", alice.id);
    let token =
        server.post(&login, Some(&root), json!({})).await.1["access_token"].as_str().unwrap().to_owned();
    let as_alice = User { token, ..alice.clone() };
    let who = server.get("/_matrix/client/v3/account/whoami", Some(&as_alice)).await;
    assert_eq!((who.0, &who.1["user_id"]), (200, &json!(alice.id)));
    let all = server.get(&devices, Some(&root)).await.1;
    assert_eq!(all["total"], 2);
    let some = format!("{ADMIN}/v2/users/{}/delete_devices", alice.id);
    assert_eq!(server.post(&some, Some(&root), json!({ "devices": [alice.device] })).await.0, 200);
    assert_eq!(error(&server.get(&one, Some(&root)).await), (404, "M_NOT_FOUND"));
    let whoami = server.get("/_matrix/client/v3/account/whoami", Some(&alice)).await;
    assert_eq!(error(&whoami), (401, "M_UNKNOWN_TOKEN"));
    let reset = format!("{ADMIN}/v1/reset_password/{}", alice.id);
    let body = json!({ "new_password": PASSWORD, "logout_devices": true });
    assert_eq!(server.post(&reset, Some(&root), body).await.0, 200);
    assert_eq!(server.get(&devices, Some(&root)).await.1["total"], 0);
}

#[tokio::test]
async fn rooms_and_who_is_in_them() {
    let (server, root, alice) = server().await;
    let public = server.create_room(&alice, json!({ "preset": "public_chat", "name": "Tavern" })).await;
    let closed = server.create_room(&root, json!({ "name": "Cellar" })).await;
    let all = server.get(&format!("{ADMIN}/v1/rooms"), Some(&root)).await.1;
    assert_eq!((&all["total_rooms"], &all["rooms"][0]["name"]), (&json!(2), &json!("Cellar")));
    let found = server.get(&format!("{ADMIN}/v1/rooms?search_term=tav"), Some(&root)).await.1;
    assert_eq!((&found["total_rooms"], &found["rooms"][0]["room_id"]), (&json!(1), &json!(public)));
    assert_eq!(found["rooms"][0]["creator"], json!(alice.id));

    for room in [&public, &closed] {
        let join = format!("{ADMIN}/v1/join/{room}");
        let answer = server.post(&join, Some(&root), json!({ "user_id": alice.id })).await;
        assert_eq!(answer, (200, json!({ "room_id": room })));
    }
    let members = server.get(&format!("{ADMIN}/v1/rooms/{closed}/members"), Some(&root)).await.1;
    assert_eq!(members["total"], 2);
    let of_alice = server.get(&format!("{ADMIN}/v1/users/{}/joined_rooms", alice.id), Some(&root)).await.1;
    assert_eq!(of_alice["total"], 2);
    let memberships = server.get(&format!("{ADMIN}/v1/users/{}/memberships", alice.id), Some(&root)).await.1;
    assert_eq!(memberships["memberships"][&closed], "join");
    let room = server.get(&format!("{ADMIN}/v1/rooms/{closed}"), Some(&root)).await.1;
    assert_eq!((&room["joined_local_members"], &room["forgotten"]), (&json!(2), &json!(false)));
    let state = server.get(&format!("{ADMIN}/v1/rooms/{public}/state"), Some(&root)).await.1;
    assert!(state["state"].as_array().unwrap().iter().any(|event| event["type"] == "m.room.name"));
}

#[tokio::test]
async fn reports_are_read_and_put_away() {
    let (server, root, alice) = server().await;
    let room = server.create_room(&alice, json!({})).await;
    let event = server.say(&alice, &room, "bad").await;
    let report = format!("/_matrix/client/v3/rooms/{room}/report/{event}");
    assert_eq!(server.post(&report, Some(&alice), json!({ "reason": "rude" })).await.0, 200);
    let list = format!("{ADMIN}/v1/event_reports");
    let reports = server.get(&list, Some(&root)).await.1;
    let first = &reports["event_reports"][0];
    assert_eq!(
        (&reports["total"], &first["reason"], &first["event_id"]),
        (&json!(1), &json!("rude"), &json!(event))
    );
    let one = format!("{list}/{}", first["id"]);
    let whole = server.get(&one, Some(&root)).await.1;
    assert_eq!(whole["event_json"]["content"]["body"], "bad", "{whole}");
    // What was reported is still told when it is redacted since.
    let redact = format!("/_matrix/client/v3/rooms/{room}/redact/{event}/1");
    assert_eq!(server.put(&redact, Some(&alice), json!({})).await.0, 200);
    let whole = server.get(&one, Some(&root)).await.1;
    assert_eq!(whole["event_json"]["content"]["body"], "bad", "{whole}");
    assert_eq!(server.delete(&one, Some(&root), json!({})).await.0, 200);
    assert_eq!(error(&server.get(&one, Some(&root)).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn what_administrators_do_is_written_down() {
    let (server, root, alice) = server().await;
    let reset = format!("{ADMIN}/v1/reset_password/{}", alice.id);
    assert_eq!(server.post(&reset, Some(&root), json!({ "new_password": "hush" })).await.0, 200);
    let lock = format!("/_matrix/client/v1/admin/lock/{}", alice.id);
    assert_eq!(server.put(&lock, Some(&root), json!({ "locked": true })).await.0, 200);
    assert_eq!(
        server
            .put(&format!("{ADMIN}/v1/users/@no:localhost:8008/admin"), Some(&root), json!({ "admin": true }))
            .await
            .0,
        404
    );
    // Reading is not, nor what is refused to others.
    assert_eq!(server.get(&format!("{ADMIN}/v2/users"), Some(&root)).await.0, 200);
    let bob = server.register("bob").await;
    assert_eq!(server.post(&reset, Some(&bob), json!({ "new_password": "x" })).await.0, 403);

    let entries = server.api.users.audit.list(None, 10).unwrap();
    let told: Vec<_> = entries.iter().map(|(_, row)| (row.request.as_str(), row.status)).collect();
    let other = format!("PUT {ADMIN}/v1/users/@no:localhost:8008/admin");
    let (reset, lock) = (format!("POST {reset}"), format!("PUT {lock}"));
    assert_eq!(told, [(other.as_str(), Some(404)), (lock.as_str(), Some(200)), (reset.as_str(), Some(200))]);
    assert!(entries.iter().all(|(_, row)| row.who == root.id.as_str() && !row.body.contains("hush")));
}

#[tokio::test]
async fn people_register_with_tokens_that_an_administrator_made() {
    let server = TestServer::with(|options| options.registration = crate::Registration::Tokens);
    let root: ruma::OwnedUserId = "@root:localhost:8008".try_into().unwrap();
    let account = hearth_users::NewAccount {
        password: Some(PASSWORD),
        kind: hearth_storage::schema::users::AccountKind::User,
        admin: true,
    };
    server.api.users.accounts.create(&root, account).await.unwrap();
    let root = server.login("root").await;
    let tokens = format!("{ADMIN}/v1/registration_tokens");
    let (status, made) = server
        .post(&format!("{tokens}/new"), Some(&root), json!({ "token": "once", "uses_allowed": 1 }))
        .await;
    assert_eq!((status, &made["uses_allowed"], &made["completed"]), (200, &json!(1), &json!(0)));
    let again = server.post(&format!("{tokens}/new"), Some(&root), json!({ "token": "once" })).await;
    assert_eq!(error(&again), (400, "M_INVALID_PARAM"));
    let past = server.post(&format!("{tokens}/new"), Some(&root), json!({ "expiry_time": 1 })).await;
    assert_eq!(error(&past), (400, "M_INVALID_PARAM"));
    let long = server.post(&format!("{tokens}/new"), Some(&root), json!({ "length": 65 })).await;
    assert_eq!(error(&long), (400, "M_INVALID_PARAM"));

    let valid = "/_matrix/client/v1/register/m.login.registration_token/validity?token=once";
    assert_eq!(server.get(valid, None).await.1, json!({ "valid": true }));
    let register = async |name: &str, token: &str| {
        let auth = json!({ "type": "m.login.registration_token", "token": token });
        let body = json!({ "username": name, "password": PASSWORD, "auth": auth });
        server.post("/_matrix/client/v3/register", None, body).await
    };
    assert_eq!(register("alice", "wrong").await.0, 401);
    assert_eq!(register("alice", "once").await.0, 200);
    assert_eq!(register("bob", "once").await.0, 401);
    assert_eq!(server.get(valid, None).await.1, json!({ "valid": false }));
    let one = format!("{tokens}/once");
    assert_eq!(server.get(&one, Some(&root)).await.1["completed"], 1);
    let changed = server.put(&one, Some(&root), json!({ "uses_allowed": null })).await;
    assert_eq!(
        (changed.0, &changed.1["uses_allowed"], &changed.1["completed"]),
        (200, &json!(null), &json!(1))
    );
    assert_eq!(register("bob", "once").await.0, 200);
    let spent = server.get(&format!("{tokens}?valid=false"), Some(&root)).await.1;
    assert_eq!(spent["registration_tokens"], json!([]));
    assert_eq!(server.delete(&one, Some(&root), json!({})).await.0, 200);
    assert_eq!(error(&server.get(&one, Some(&root)).await), (404, "M_NOT_FOUND"));
}

#[tokio::test]
async fn what_has_no_meaning_here_says_so() {
    let (server, root, alice) = server().await;
    let get = async |path: &str| server.get(&format!("{ADMIN}/v1/{path}"), Some(&root)).await;
    assert_eq!(error(&get("threepid/email/users/a@b.c").await), (404, "M_NOT_FOUND"));
    assert_eq!(error(&get("auth_providers/oidc/users/1").await), (404, "M_NOT_FOUND"));
    let features = format!("experimental_features/{}", alice.id);
    assert_eq!(get(&features).await, (200, json!({ "features": {} })));
    let path = format!("{ADMIN}/v1/{features}");
    let set = server.put(&path, Some(&root), json!({ "features": { "msc3881": true } })).await;
    assert_eq!(error(&set), (400, "M_INVALID_PARAM"));
    let validity =
        server.post(&format!("{ADMIN}/v1/account_validity/validity"), Some(&root), json!({})).await;
    assert_eq!(error(&validity), (400, "M_INVALID_PARAM"));
    assert_eq!(get("background_updates/status").await.1["current_updates"], json!({}));
    let job = json!({ "job_name": "regenerate_directory" });
    let job = server.post(&format!("{ADMIN}/v1/background_updates/start_job"), Some(&root), job).await;
    assert_eq!(error(&job), (400, "M_INVALID_PARAM"));
}
