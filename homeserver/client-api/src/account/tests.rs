use hearth_storage::schema::users::AccountKind;
use hearth_users::NewAccount;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{
    Registration,
    testing::{PASSWORD, TestServer, User, error, user},
};

const REGISTER: &str = "/_matrix/client/v3/register";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

#[tokio::test]
async fn registering_takes_a_stage() {
    let server = TestServer::new();
    let (status, body) =
        server.post(REGISTER, None, json!({ "username": "Alice", "password": "secret" })).await;
    assert_eq!((status, &body["flows"]), (401, &json!([{ "stages": ["m.login.dummy"] }])));
    assert!(body.get("errcode").is_none());

    // The second request may leave out what the first one said.
    let auth = json!({ "type": "m.login.dummy", "session": body["session"] });
    let (status, body) = server.post(REGISTER, None, json!({ "auth": auth })).await;
    assert_eq!((status, &body["user_id"]), (200, &json!("@alice:localhost:8008")), "{body}");
    assert!(body["access_token"].is_string() && body["device_id"].is_string());
}

#[tokio::test]
async fn names_that_cannot_be() {
    let server = TestServer::new();
    server.register("alice").await;
    let available =
        async |name: &str| server.get(&format!("{REGISTER}/available?username={name}"), None).await;
    assert_eq!(available("bob").await, (200, json!({ "available": true })));
    assert_eq!(error(&available("alice").await), (400, "M_USER_IN_USE"));
    for name in ["", "b%20b", "bob%23", "%40bob%3Alocalhost", "b%C3%B6b"] {
        assert_eq!(error(&available(name).await), (400, "M_INVALID_USERNAME"), "{name}");
        assert_eq!(available(name).await.0, 400);
    }
    let taken = server.post(REGISTER, None, json!({ "username": "alice", "password": "x" })).await;
    assert_eq!(error(&taken), (400, "M_USER_IN_USE"));
    let empty = server.post(REGISTER, None, json!({ "username": "bob", "password": "" })).await;
    assert_eq!(error(&empty), (400, "M_WEAK_PASSWORD"));
}

#[tokio::test]
async fn a_name_is_made_where_none_is_wished_for() {
    let server = TestServer::new();
    let body = json!({ "password": "secret", "inhibit_login": true, "auth": { "type": "m.login.dummy" } });
    let (status, body) = server.post(REGISTER, None, body).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["user_id"].as_str().unwrap().ends_with(":localhost:8008"));
    assert_eq!(body.as_object().unwrap().len(), 1, "nobody is logged in: {body}");
}

#[tokio::test]
async fn who_registers_again_with_the_same_session_gets_the_same_account() {
    let server = TestServer::new();
    let (_, challenge) = server.post(REGISTER, None, json!({})).await;
    let auth = json!({ "type": "m.login.dummy", "session": challenge["session"] });
    let body = json!({ "username": "alice", "password": "secret", "auth": auth });
    let (status, first) = server.post(REGISTER, None, body.clone()).await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = server.post(REGISTER, None, body.clone()).await;
    assert_eq!(status, 200, "{again}");
    for field in ["user_id", "device_id"] {
        assert_eq!(again[field], first[field]);
    }
    assert_eq!(server.get(WHOAMI, Some(&user(&again))).await.0, 200);
    // With another password, or without the session, it is someone else.
    let mut other = body.clone();
    other["password"] = "guess".into();
    assert_eq!(error(&server.post(REGISTER, None, other).await), (400, "M_USER_IN_USE"));
    let mut other = body;
    other["auth"]["session"] = "guess".into();
    assert_eq!(error(&server.post(REGISTER, None, other).await), (400, "M_USER_IN_USE"));
}

#[tokio::test]
async fn a_guest_becomes_a_user() {
    let server = TestServer::new();
    let (guest, alice) = (server.register_guest().await, server.register("alice").await);
    let upgrade = |name: &str, token: &str| {
        let body = json!({
            "username": name, "password": "secret", "guest_access_token": token,
            "auth": { "type": "m.login.dummy" },
        });
        server.post(REGISTER, None, body)
    };
    assert_eq!(error(&upgrade("alice", &guest.token).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&upgrade("alice", &alice.token).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&upgrade(guest.id.localpart(), "guess").await), (401, "M_UNKNOWN_TOKEN"));
    let (status, answer) = upgrade(guest.id.localpart(), &guest.token).await;
    assert_eq!((status, &answer["user_id"]), (200, &json!(guest.id)), "{answer}");
    assert!(server.api.users.accounts.verify_password(&guest.id, "secret").await.unwrap());
    for who in [&guest, &user(&answer)] {
        assert_ne!(server.get(WHOAMI, Some(who)).await.1["is_guest"], true);
    }
}

#[tokio::test]
async fn a_new_user_is_called_by_their_localpart() {
    let server = TestServer::new();
    let (alice, guest) = (server.register("alice").await, server.register_guest().await);
    let name = |who: &User| format!("/_matrix/client/v3/profile/{}/displayname", who.id);
    assert_eq!(server.get(&name(&alice), None).await.1, json!({ "displayname": "alice" }));
    assert_eq!(server.get(&name(&guest), None).await.1.get("displayname"), None);
}

#[tokio::test]
async fn the_old_form_of_a_password_stage_is_taken() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let auth = json!({ "type": "m.login.password", "user": "alice", "password": PASSWORD });
    let body = json!({ "new_password": "better", "auth": auth });
    assert_eq!(server.post("/_matrix/client/v3/account/password", Some(&alice), body).await.0, 200);
}

#[tokio::test]
async fn registration_by_token_or_not_at_all() {
    let server =
        TestServer::with(|options| options.registration = Registration::Token("open sesame".to_owned()));
    let attempt = async |token: &str| {
        let auth = json!({ "type": "m.login.registration_token", "token": token });
        server.post(REGISTER, None, json!({ "username": "alice", "password": "secret", "auth": auth })).await
    };
    assert_eq!(error(&attempt("guess").await), (401, "M_UNAUTHORIZED"));
    assert_eq!(attempt("open sesame").await.0, 200);
    let valid = "/_matrix/client/v1/register/m.login.registration_token/validity?token=";
    assert_eq!(server.get(&format!("{valid}open%20sesame"), None).await.1["valid"], true);
    assert_eq!(server.get(&format!("{valid}guess"), None).await.1["valid"], false);
    let guest = server.post(&format!("{REGISTER}?kind=guest"), None, json!({})).await;
    assert_eq!(error(&guest), (403, "M_GUEST_ACCESS_FORBIDDEN"));

    let off = TestServer::with(|options| options.registration = Registration::Off);
    assert_eq!(error(&off.post(REGISTER, None, json!({})).await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&off.get(&format!("{valid}x"), None).await), (403, "M_FORBIDDEN"));
}

fn auth(name: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": name },
        "password": password,
    })
}

#[tokio::test]
async fn a_new_password_ends_other_sessions() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    server.register("mallory").await;
    let phone = server.login("alice").await;
    let change = |auth: Value| {
        let body = json!({ "new_password": "better", "auth": auth });
        server.post("/_matrix/client/v3/account/password", Some(&alice), body)
    };
    // Neither a wrong password nor another's proves anything.
    assert_eq!(error(&change(auth("alice", "wrong")).await), (401, "M_FORBIDDEN"));
    assert_eq!(error(&change(auth("mallory", PASSWORD)).await), (403, "M_FORBIDDEN"));
    assert_eq!(change(auth("alice", PASSWORD)).await.0, 200);
    assert_eq!(server.get(WHOAMI, Some(&alice)).await.0, 200);
    assert_eq!(server.get(WHOAMI, Some(&phone)).await.0, 401);
    assert!(server.api.users.accounts.verify_password(&alice.id, "better").await.unwrap());
}

#[tokio::test]
async fn an_interactive_session_is_good_for_one_request_only() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (_, challenge) = server.post("/_matrix/client/v3/account/deactivate", Some(&alice), json!({})).await;
    let mut auth = auth("alice", PASSWORD);
    auth["session"] = challenge["session"].clone();
    let body = json!({ "new_password": "better", "auth": auth });
    let answer = server.post("/_matrix/client/v3/account/password", Some(&alice), body).await;
    assert_eq!(error(&answer), (403, "M_FORBIDDEN"));
}

#[tokio::test]
async fn deactivating() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let deactivate = |who: Option<User>, body: Value| {
        let server = &server;
        async move { server.post("/_matrix/client/v3/account/deactivate", who.as_ref(), body).await }
    };
    assert_eq!(error(&deactivate(None, json!({})).await), (401, "M_MISSING_TOKEN"));
    assert_eq!(deactivate(Some(alice.clone()), json!({})).await.0, 401);
    assert_eq!(server.get(WHOAMI, Some(&alice)).await.0, 200);
    let (status, _) = deactivate(Some(alice.clone()), json!({ "auth": auth("alice", PASSWORD) })).await;
    assert_eq!(status, 200);
    assert_eq!(server.get(WHOAMI, Some(&alice)).await.0, 401);
    let taken = server.get(&format!("{REGISTER}/available?username=alice"), None).await;
    assert_eq!(error(&taken), (400, "M_USER_IN_USE"));
}

#[tokio::test]
async fn no_third_party_ids() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let answer = server.get("/_matrix/client/v3/account/3pid", Some(&alice)).await;
    assert_eq!(answer, (200, json!({ "threepids": [] })));
}

#[tokio::test]
async fn by_shared_secret() {
    let path = super::shared_secret::PATH;
    let server = TestServer::with(|options| {
        options.registration = Registration::Off;
        options.registration_shared_secret = Some("secret".to_owned());
    });
    let register = async |name: &str, secret: &str| {
        let (_, nonce) = server.get(path, None).await;
        let nonce = nonce["nonce"].as_str().unwrap();
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{nonce}\0{name}\0pizza\0admin").as_bytes());
        let mac: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let body =
            json!({ "nonce": nonce, "username": name, "password": "pizza", "admin": true, "mac": mac });
        (server.post(path, None, body.clone()).await, body)
    };
    let ((status, answer), again) = register("root", "secret").await;
    assert_eq!((status, &answer["user_id"]), (200, &json!("@root:localhost:8008")), "{answer}");
    assert!(
        server.api.users.accounts.get("@root:localhost:8008".try_into().unwrap()).unwrap().unwrap().admin
    );
    assert_eq!(error(&server.post(path, None, again).await), (400, "M_UNKNOWN"));
    assert_eq!(error(&register("other", "guess").await.0), (403, "M_FORBIDDEN"));
    assert_eq!(error(&TestServer::new().get(path, None).await), (404, "M_UNRECOGNIZED"));
}

#[tokio::test]
async fn who_registers_is_let_in_by_an_administrator() {
    let server = TestServer::with(|options| options.approve_registrations = true);
    let waiting = (403, "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL");
    let alice = ruma::user_id!("@alice:localhost:8008");
    let body = json!({ "username": "alice", "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    let refused = server.post(REGISTER, None, body.clone()).await;
    assert_eq!(error(&refused), waiting);
    assert_eq!(refused.1["approval_notice_medium"], "org.matrix.msc3866.none");
    assert_eq!(error(&server.post(REGISTER, None, body).await), (400, "M_USER_IN_USE"));
    let guest = server.post(&format!("{REGISTER}?kind=guest"), None, json!({})).await;
    assert_eq!(error(&guest).0, 403);
    let log_in = async || {
        let identifier = json!({ "type": "m.id.user", "user": "alice" });
        let body = json!({ "type": "m.login.password", "identifier": identifier, "password": PASSWORD });
        server.post("/_matrix/client/v3/login", None, body).await
    };
    assert_eq!(error(&log_in().await), waiting);

    let root = ruma::user_id!("@root:localhost:8008");
    let account = NewAccount { password: Some(PASSWORD), kind: AccountKind::User, admin: true };
    server.api.users.accounts.create(root, account).await.unwrap();
    let root = server.login("root").await;
    let users = "/_synapse/admin/v2/users";
    let listed = server.get(&format!("{users}?approved=false"), Some(&root)).await.1;
    assert_eq!((&listed["total"], &listed["users"][0]["name"]), (&json!(1), &json!(alice)));
    assert_eq!(listed["users"][0]["approved"], false);
    let path = format!("{users}/{alice}");
    let approved = server.put(&path, Some(&root), json!({ "approved": true })).await;
    assert_eq!((approved.0, &approved.1["approved"]), (200, &json!(true)));
    let (status, session) = log_in().await;
    assert_eq!(status, 200);
    assert_eq!(server.get(&format!("{users}?approved=false"), Some(&root)).await.1["total"], 0);

    let no_more = server.put(&path, Some(&root), json!({ "approved": false })).await;
    assert_eq!(no_more.0, 200);
    let session = User { token: session["access_token"].as_str().unwrap().to_owned(), ..root.clone() };
    assert_eq!(error(&server.get(WHOAMI, Some(&session)).await), (401, "M_UNKNOWN_TOKEN"));
    assert_eq!(error(&log_in().await), waiting);
    let own = server.put(&format!("{users}/{}", root.id), Some(&root), json!({ "approved": false })).await;
    assert_eq!(error(&own), (403, "M_FORBIDDEN"));
}
