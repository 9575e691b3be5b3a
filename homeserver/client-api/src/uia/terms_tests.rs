use axum::body::Body;
use hearth_storage::schema::users::RegistrationTokenRow;
use http::{Method, Request, header};
use serde_json::{Value, json};

use super::fallback;
use crate::{
    Registration,
    testing::{PASSWORD, TestServer, error},
};

const REGISTER: &str = "/_matrix/client/v3/register";

fn policies() -> Value {
    json!({ "policies": {
        "privacy": { "version": "1.2",
            "en": { "name": "Privacy policy", "url": "https://a.example/privacy" },
            "de": { "name": "Daten & Schutz", "url": "https://a.example/datenschutz" } },
        "house": { "version": "3", "en": { "name": "House rules", "url": "https://a.example/rules" } },
    } })
}

fn server(registration: Registration) -> TestServer {
    TestServer::with(|options| {
        options.registration = registration;
        options.terms = Some(serde_json::from_value(policies()).unwrap());
    })
}

async fn register(server: &TestServer, auth: Option<Value>) -> (u16, Value) {
    let mut body = json!({ "username": "alice", "password": PASSWORD });
    if let Some(auth) = auth {
        body["auth"] = auth;
    }
    server.post(REGISTER, None, body).await
}

#[tokio::test]
async fn whoever_registers_accepts_the_terms() {
    let server = server(Registration::Open);
    let (status, asked) = register(&server, None).await;
    assert_eq!((status, &asked["flows"]), (401, &json!([{ "stages": ["m.login.terms"] }])));
    assert_eq!(asked["params"], json!({ "m.login.terms": policies() }));
    // Neither without them nor as a guest.
    let dummy = json!({ "type": "m.login.dummy", "session": asked["session"] });
    assert_eq!(error(&register(&server, Some(dummy)).await), (403, "M_FORBIDDEN"));
    let guest = server.post(&format!("{REGISTER}?kind=guest"), None, json!({})).await;
    assert_eq!(error(&guest), (403, "M_GUEST_ACCESS_FORBIDDEN"));
    let (_, asked) = register(&server, None).await;
    let accepted = json!({ "type": "m.login.terms", "session": asked["session"] });
    let (status, made) = register(&server, Some(accepted)).await;
    assert_eq!((status, &made["user_id"]), (200, &json!("@alice:localhost:8008")), "{made}");
    // Where there are none, nobody passes by accepting them.
    let without = TestServer::new();
    let accepted = Some(json!({ "type": "m.login.terms" }));
    assert_eq!(error(&register(&without, accepted).await), (403, "M_FORBIDDEN"));
}

#[tokio::test]
async fn a_token_that_is_shown_first_is_used_once_the_terms_are_accepted() {
    let server = server(Registration::Tokens);
    let token = "club";
    let row = RegistrationTokenRow { uses_allowed: Some(1), completed: 0, expires_at: None };
    server.api.users.registration_tokens.create(token, row).await.unwrap();
    let uses = || server.api.users.registration_tokens.get(token).unwrap().unwrap().completed;
    let shown = json!({ "type": "m.login.registration_token", "token": token });
    let (status, asked) = register(&server, Some(shown.clone())).await;
    assert_eq!((status, &asked["completed"]), (401, &json!(["m.login.registration_token"])), "{asked}");
    assert_eq!(asked["flows"], json!([{ "stages": ["m.login.registration_token", "m.login.terms"] }]));
    assert_eq!(uses(), 0);
    let accepted = json!({ "type": "m.login.terms", "session": asked["session"] });
    assert_eq!(register(&server, Some(accepted)).await.0, 200);
    assert_eq!(uses(), 1);
    let body = json!({ "username": "bob", "password": PASSWORD, "auth": shown });
    let (status, refused) = server.post(REGISTER, None, body).await;
    assert_eq!((status, &refused["errcode"]), (401, &json!("M_UNAUTHORIZED")), "{refused}");
}

#[tokio::test]
async fn a_client_that_does_not_know_the_stage_shows_a_page_with_links() {
    let server = server(Registration::Open);
    let (_, asked) = register(&server, None).await;
    let session = asked["session"].as_str().unwrap();
    let page = async |method: Method, query: &str, form: String| {
        let request = Request::builder().method(method).uri(format!("{}{query}", fallback::TERMS));
        let request =
            request.header(header::ACCEPT_LANGUAGE, "de-AT, en;q=0.5").body(Body::from(form)).unwrap();
        let response = server.send(request).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, text) = page(Method::GET, &format!("?session={session}"), String::new()).await;
    assert_eq!(status, 200);
    assert!(
        text.contains("href=\"https://a.example/datenschutz\"") && text.contains("Daten &amp; Schutz"),
        "{text}"
    );
    assert!(
        text.contains("https://a.example/rules") && !text.contains("https://a.example/privacy"),
        "{text}"
    );
    assert_eq!(page(Method::GET, "?session=x", String::new()).await.0, 404);
    let acknowledged = json!({ "session": session });
    assert_eq!(register(&server, Some(acknowledged.clone())).await.0, 401);
    let (status, text) = page(Method::POST, "", format!("session={session}")).await;
    assert!(status == 200 && text.contains("onAuthDone"), "{text}");
    assert_eq!(register(&server, Some(acknowledged)).await.0, 200);
}
