use std::sync::{Arc, Mutex};

use axum::{Json, Router, body::Body, routing::post};
use hearth_federation::FederationOptions;
use hearth_network::NetworkOptions;
use http::{Method, Request, header};
use ruma::owned_server_name;
use serde_json::{Value, json};

use super::{
    captcha::{Captcha, CaptchaService, Widget},
    fallback,
    proof_of_work::{self, STAGE},
};
use crate::testing::{PASSWORD, TestServer, error, user};

const REGISTER: &str = "/_matrix/client/v3/register";
const BITS: u32 = 8;

fn server() -> TestServer {
    TestServer::with(|options| options.captcha = Some(Captcha::ProofOfWork { bits: BITS }))
}

/// Asks what is to be shown: the session.
async fn begin(server: &TestServer) -> (String, Value) {
    let (status, asked) = server.post(REGISTER, None, json!({})).await;
    assert_eq!(status, 401, "{asked}");
    (asked["session"].as_str().unwrap().to_owned(), asked)
}

async fn register(server: &TestServer, name: &str, auth: Value) -> (u16, Value) {
    let body = json!({ "username": name, "password": PASSWORD, "auth": auth });
    server.post(REGISTER, None, body).await
}

fn solved(session: &str, solution: &str) -> Value {
    json!({ "type": STAGE, "session": session, "solution": solution })
}

/// A page, or what is sent from it: the status, the text, and the Content-Security-Policy.
async fn page(server: &TestServer, method: Method, path: &str, form: String) -> (u16, String, String) {
    let request = Request::builder().method(method).uri(path).body(Body::from(form)).unwrap();
    let response = server.send(request).await;
    let status = response.status().as_u16();
    let policy =
        response.headers().get(header::CONTENT_SECURITY_POLICY).map(|policy| policy.to_str().unwrap());
    let policy = policy.unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap(), policy)
}

#[tokio::test]
async fn a_proof_of_work_is_good_for_one_account() {
    let server = server();
    let (session, asked) = begin(&server).await;
    assert_eq!(asked["flows"], json!([{ "stages": [STAGE] }]));
    assert_eq!(asked["params"][STAGE], json!({ "challenge": session, "bits": BITS }));
    let wrong =
        (0..).map(|n: u32| n.to_string()).find(|n| !proof_of_work::solves(&session, n, BITS)).unwrap();
    let refused = register(&server, "alice", solved(&session, &wrong)).await;
    assert_eq!((refused.0, refused.1["errcode"].as_str()), (401, Some("M_FORBIDDEN")), "{}", refused.1);
    let dummy = json!({ "type": "m.login.dummy", "session": session });
    assert_eq!(error(&register(&server, "alice", dummy).await).0, 403);

    let solution = proof_of_work::solution_of(&session, BITS);
    let (status, made) = register(&server, "alice", solved(&session, &solution)).await;
    assert_eq!((status, &made["user_id"]), (200, &json!("@alice:localhost:8008")), "{made}");
    assert_eq!(server.get("/_matrix/client/v3/account/whoami", Some(&user(&made))).await.0, 200);
    // Neither again, nor for a session that never was here.
    assert_eq!(register(&server, "bob", solved(&session, &solution)).await.0, 401);
    let invented = solved("x", &proof_of_work::solution_of("x", BITS));
    assert_eq!(register(&server, "bob", invented).await.0, 401);
    let none = json!({ "type": STAGE, "solution": solution });
    assert_eq!(register(&server, "bob", none).await.0, 401);
    // Guests would go around it.
    assert_eq!(error(&server.post(&format!("{REGISTER}?kind=guest"), None, json!({})).await).0, 403);
}

#[tokio::test]
async fn a_client_that_does_not_know_the_stage_shows_a_page() {
    let server = server();
    let (session, _) = begin(&server).await;
    let path = fallback::PROOF_OF_WORK;
    let asked = format!("{path}?session={session}");
    let (status, text, policy) = page(&server, Method::GET, &asked, String::new()).await;
    assert!(
        status == 200 && text.contains(&format!("data-challenge=\"{session}\" data-bits=\"8\"")),
        "{text}"
    );
    assert!(policy.contains("script-src 'nonce-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page(&server, Method::GET, &format!("{path}?session=x"), String::new()).await.0, 404);
    let evil = "session=%22%3E%3Cscript%3E&response=x".to_owned();
    let (status, text, _) = page(&server, Method::POST, path, evil).await;
    assert!(status == 403 && !text.contains("\"><script>"), "{text}");

    let acknowledged = json!({ "session": session });
    assert_eq!(register(&server, "alice", acknowledged.clone()).await.0, 401);
    let response = proof_of_work::solution_of(&session, BITS);
    let sent = format!("session={session}&response={response}");
    let (status, text, _) = page(&server, Method::POST, path, sent).await;
    assert!(status == 200 && text.contains("onAuthDone"), "{text}");
    assert_eq!(register(&server, "alice", acknowledged.clone()).await.0, 200);
    assert_eq!(register(&server, "bob", acknowledged).await.0, 401);
}

#[tokio::test]
async fn a_service_says_whether_it_takes_what_its_widget_gave() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let verify = post(async move |body: String| {
        noted.lock().unwrap().push(body.clone());
        Json(json!({ "success": body == "secret=its%20secret&response=good" }))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let verify_url = format!("http://{}/siteverify", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/siteverify", verify)).await });
    let network = NetworkOptions { allow_private_networks: true, ..NetworkOptions::default() };
    let federation =
        FederationOptions { network, ..FederationOptions::new(owned_server_name!("localhost:8008")) };
    let server = TestServer::federating(federation, |options| {
        options.captcha = Some(Captcha::Service(CaptchaService {
            widget: Widget::TURNSTILE,
            site_key: "site".to_owned(),
            secret: "its secret".to_owned(),
            verify_url,
        }));
    });
    let (session, begun) = begin(&server).await;
    assert_eq!(begun["params"]["m.login.recaptcha"], json!({ "public_key": "site" }));
    let answer =
        |response: &str| json!({ "type": "m.login.recaptcha", "session": session, "response": response });
    assert_eq!(register(&server, "alice", answer("bad")).await.0, 401);
    assert_eq!(register(&server, "alice", answer(&"x".repeat(9_000))).await.0, 401);
    assert_eq!(asked.lock().unwrap().len(), 1, "what is too long is not sent there");
    assert_eq!(register(&server, "alice", answer("good")).await.0, 200);

    let (session, _) = begin(&server).await;
    let path = fallback::RECAPTCHA;
    let (_, text, policy) =
        page(&server, Method::GET, &format!("{path}?session={session}"), String::new()).await;
    assert!(text.contains("class=\"cf-turnstile\" data-sitekey=\"site\""), "{text}");
    assert!(policy.contains("frame-src https://challenges.cloudflare.com;"), "{policy}");
    let sent = |response: &str| format!("session={session}&cf-turnstile-response={response}");
    assert_eq!(page(&server, Method::POST, path, sent("bad")).await.0, 403);
    assert_eq!(page(&server, Method::POST, path, sent("good")).await.0, 200);
    assert_eq!(register(&server, "bob", json!({ "session": session })).await.0, 200);
    assert_eq!(page(&server, Method::GET, fallback::PROOF_OF_WORK, String::new()).await.0, 404);
}
