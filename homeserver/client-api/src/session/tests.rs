use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use crate::testing::{PASSWORD, TestServer, error, user};

const LOGIN: &str = "/_matrix/client/v3/login";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn password(name: &str, password: &str) -> Value {
    json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name }, "password": password })
}

#[tokio::test]
async fn by_password() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    for name in ["alice", "@alice:localhost:8008", "Alice"] {
        let (status, body) = server.post(LOGIN, None, password(name, PASSWORD)).await;
        assert_eq!((status, &body["user_id"]), (200, &json!(alice.id)), "{name}");
    }
    let mut old = password("alice", PASSWORD);
    old.as_object_mut().unwrap().remove("identifier");
    old["user"] = "alice".into();
    old["device_id"] = "OLD".into();
    assert_eq!(server.post(LOGIN, None, old).await.1["device_id"], "OLD");
}

#[tokio::test]
async fn wrong_passwords_and_names() {
    let server = TestServer::new();
    server.register("alice").await;
    for (name, given) in
        [("alice", "wrong"), ("bob", PASSWORD), ("@alice:elsewhere", PASSWORD), ("", PASSWORD)]
    {
        assert_eq!(
            error(&server.post(LOGIN, None, password(name, given)).await),
            (403, "M_FORBIDDEN"),
            "{name}"
        );
    }
    let unknown = server.post(LOGIN, None, json!({ "type": "m.login.nonsense" })).await;
    assert_eq!(error(&unknown), (400, "M_UNKNOWN"));
}

#[tokio::test]
async fn deactivated_and_locked_accounts() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    server.api.users.accounts.set_locked(&alice.id, true).await.unwrap();
    assert_eq!(error(&server.post(LOGIN, None, password("alice", PASSWORD)).await), (401, "M_USER_LOCKED"));
    server.api.users.accounts.deactivate(&alice.id, false).await.unwrap();
    assert_eq!(
        error(&server.post(LOGIN, None, password("alice", PASSWORD)).await),
        (403, "M_USER_DEACTIVATED")
    );
}

#[tokio::test]
async fn login_types() {
    let server = TestServer::with(|options| options.jwt_secret = Some("secret".to_owned()));
    let (_, body) = server.get(LOGIN, None).await;
    let types: Vec<_> = body["flows"].as_array().unwrap().iter().map(|flow| flow["type"].clone()).collect();
    let wanted = ["m.login.password", "m.login.token", "m.login.application_service", "org.matrix.login.jwt"];
    assert_eq!(types, wanted);
}

#[tokio::test]
async fn by_json_web_token() {
    let server = TestServer::with(|options| options.jwt_secret = Some("secret".to_owned()));
    let login = async |claims: Value, secret: &str| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
        server.post(LOGIN, None, json!({ "type": "org.matrix.login.jwt", "token": token })).await
    };
    let (status, body) = login(json!({ "sub": "carol", "exp": 1_700_000_100 }), "secret").await;
    assert_eq!((status, &body["user_id"]), (200, &json!("@carol:localhost:8008")));
    for (claims, secret) in [
        (json!({ "sub": "carol", "exp": 1_700_000_100 }), "guess"),
        (json!({ "sub": "carol" }), "secret"),
        (json!({ "sub": "carol", "exp": 1_600_000_000 }), "secret"),
        (json!({ "sub": "carol", "exp": 1_900_000_000, "nbf": 1_800_000_000 }), "secret"),
        // It is for somebody else.
        (json!({ "sub": "carol", "exp": 1_700_000_100, "aud": "wiki" }), "secret"),
    ] {
        assert_eq!(error(&login(claims.clone(), secret).await), (403, "M_FORBIDDEN"), "{claims}");
    }

    let off = TestServer::new();
    let answer = off.post(LOGIN, None, json!({ "type": "org.matrix.login.jwt", "token": "x" })).await;
    assert_eq!(error(&answer), (400, "M_UNKNOWN"));
}

#[tokio::test]
async fn whom_a_json_web_token_is_for_and_who_made_it() {
    let server = TestServer::with(|options| {
        options.jwt_secret = Some("secret".to_owned());
        options.jwt_audience = Some("hearth".to_owned());
        options.jwt_issuer = Some("club".to_owned());
    });
    let login = async |audience: Value, issuer: Value| {
        let claims = json!({ "sub": "carol", "exp": 1_700_000_100, "aud": audience, "iss": issuer });
        let claims: serde_json::Map<_, _> =
            claims.as_object().unwrap().clone().into_iter().filter(|(_, claim)| !claim.is_null()).collect();
        let key = EncodingKey::from_secret(b"secret");
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
        server.post(LOGIN, None, json!({ "type": "org.matrix.login.jwt", "token": token })).await.0
    };
    assert_eq!(login(json!("hearth"), json!("club")).await, 200);
    assert_eq!(login(json!(["wiki", "hearth"]), json!("club")).await, 200);
    for (audience, issuer) in [
        (json!("wiki"), json!("club")),
        (json!("hearth"), json!("stranger")),
        (Value::Null, json!("club")),
        (json!("hearth"), Value::Null),
    ] {
        assert_eq!(login(audience.clone(), issuer.clone()).await, 403, "{audience} {issuer}");
    }
}

#[tokio::test]
async fn by_login_token_after_user_interactive_authentication() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let get = |body| server.post("/_matrix/client/v1/login/get_token", Some(&alice), body);
    let (status, body) = get(json!({})).await;
    assert_eq!((status, &body["flows"]), (401, &json!([{ "stages": ["m.login.password"] }])));

    let auth = |password: &str| {
        json!({ "auth": {
            "type": "m.login.password",
            "session": body["session"],
            "identifier": { "type": "m.id.user", "user": "alice" },
            "password": password,
        }})
    };
    let (status, wrong) = get(auth("wrong")).await;
    assert_eq!(
        (status, &wrong["errcode"], &wrong["session"]),
        (401, &json!("M_FORBIDDEN"), &body["session"])
    );
    let (status, token) = get(auth(PASSWORD)).await;
    assert_eq!(status, 200, "{token}");

    let login =
        || server.post(LOGIN, None, json!({ "type": "m.login.token", "token": token["login_token"] }));
    assert_eq!(login().await.1["user_id"], json!(alice.id));
    assert_eq!(error(&login().await), (403, "M_FORBIDDEN"));
}

#[tokio::test]
async fn logging_out() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (phone, tablet) = (server.login("alice").await, server.login("alice").await);
    assert_eq!(server.post("/_matrix/client/v3/logout", Some(&phone), json!({})).await.0, 200);
    assert_eq!(error(&server.get(WHOAMI, Some(&phone)).await), (401, "M_UNKNOWN_TOKEN"));
    assert_eq!(server.get(WHOAMI, Some(&tablet)).await.0, 200);
    assert_eq!(server.post("/_matrix/client/v3/logout/all", Some(&tablet), json!({})).await.0, 200);
    assert_eq!(server.get(WHOAMI, Some(&alice)).await.0, 401);
}

#[tokio::test]
async fn refreshing() {
    let server = TestServer::new();
    server.register("alice").await;
    let mut body = password("alice", PASSWORD);
    body["refresh_token"] = true.into();
    let (_, first) = server.post(LOGIN, None, body).await;
    let lifetime = first["expires_in_ms"].as_u64().unwrap();
    server.clock.advance(lifetime + 1);
    let (status, expired) = server.get(WHOAMI, Some(&user(&first))).await;
    assert_eq!((status, &expired["soft_logout"]), (401, &json!(true)));

    let refresh = json!({ "refresh_token": first["refresh_token"] });
    let (status, second) = server.post("/_matrix/client/v3/refresh", None, refresh).await;
    assert_eq!(status, 200, "{second}");
    let token = second["access_token"].as_str().unwrap();
    assert_eq!(server.get(&format!("{WHOAMI}?access_token={token}"), None).await.0, 200);
    let unknown = server.post("/_matrix/client/v3/refresh", None, json!({ "refresh_token": "x" })).await;
    assert_eq!(error(&unknown), (401, "M_UNKNOWN_TOKEN"));
}
