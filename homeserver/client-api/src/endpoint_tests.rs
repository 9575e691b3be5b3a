//! What holds for every endpoint.

use axum::{body::Body, extract::State};
use hearth_federation::AskedBy;
use hearth_http::byte_budget::UNCOUNTED;
use http::{Method, Request, header};
use ruma::api::client::account::whoami::v3 as whoami;
use serde_json::{Value, json};

use crate::{
    Answer, ClientApi, EndpointRouter, Registration, Result,
    api::MAX_BODIES_OF_ONE,
    served,
    testing::{TestServer, User, error},
};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods() {
    let server = TestServer::new();
    assert_eq!(error(&server.get("/_matrix/client/v3/nothing", None).await), (404, "M_UNRECOGNIZED"));
    assert_eq!(error(&server.get("/", None).await), (404, "M_UNRECOGNIZED"));
    assert_eq!(error(&server.put(WHOAMI, None, json!({})).await), (405, "M_UNRECOGNIZED"));
}

#[tokio::test]
async fn tokens() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    assert_eq!(error(&server.get(WHOAMI, None).await), (401, "M_MISSING_TOKEN"));
    let (status, body) = server.get(&format!("{WHOAMI}?access_token=nonsense"), None).await;
    assert_eq!(
        (status, &body["errcode"], &body["soft_logout"]),
        (401, &json!("M_UNKNOWN_TOKEN"), &json!(false))
    );
    let (status, body) = server.get(&format!("{WHOAMI}?access_token={}", alice.token), None).await;
    assert_eq!((status, &body["user_id"]), (200, &json!(alice.id)));
    let (_, body) = server.get("/_matrix/client/r0/account/whoami", Some(&alice)).await;
    assert_eq!(body["device_id"], json!(alice.device));
}

#[tokio::test]
async fn locked_accounts_may_only_log_out() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    server.api.users.accounts.set_locked(&alice.id, true).await.unwrap();
    let (status, body) = server.get(WHOAMI, Some(&alice)).await;
    assert_eq!(
        (status, &body["errcode"], &body["soft_logout"]),
        (401, &json!("M_USER_LOCKED"), &json!(true))
    );
    assert_eq!(server.post("/_matrix/client/v3/logout", Some(&alice), json!({})).await.0, 200);
}

#[tokio::test]
async fn guests_come_where_guests_may() {
    let server = TestServer::new();
    let guest = server.register_guest().await;
    let (status, body) = server.get(WHOAMI, Some(&guest)).await;
    assert_eq!((status, &body["is_guest"]), (200, &json!(true)));
    let pushers = server.get("/_matrix/client/v3/pushers", Some(&guest)).await;
    assert_eq!(error(&pushers), (403, "M_GUEST_ACCESS_FORBIDDEN"));
}

#[tokio::test]
async fn bad_bodies() {
    let server = TestServer::new();
    let login = async |body: &'static str| {
        server.ask(Method::POST, "/_matrix/client/v3/login", None, Body::from(body)).await
    };
    assert_eq!(error(&login("{").await), (400, "M_NOT_JSON"));
    assert_eq!(error(&login("nonsense").await), (400, "M_NOT_JSON"));
    assert_eq!(error(&login("[]").await), (400, "M_BAD_JSON"));
    assert_eq!(error(&login("{\"type\": 1}").await), (400, "M_BAD_JSON"));
    assert_eq!(error(&login("{}").await), (400, "M_BAD_JSON"));
    let bytes = Body::from(&b"{\"type\": \"\xff\"}"[..]);
    let answer = server.ask(Method::POST, "/_matrix/client/v3/login", None, bytes).await;
    assert_eq!(error(&answer), (400, "M_NOT_JSON"));

    let deep = format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let answer = server.ask(Method::POST, "/_matrix/client/v3/login", None, Body::from(deep)).await;
    assert_eq!(error(&answer), (400, "M_BAD_JSON"));
    let large = Body::from(vec![b' '; crate::request::MAX_BODY_OF_STRANGERS + 1]);
    let answer = server.ask(Method::POST, "/_matrix/client/v3/login", None, large).await;
    assert_eq!(error(&answer), (413, "M_TOO_LARGE"));
}

#[tokio::test]
async fn bodies_are_read_to_their_end() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let (_, made) = server.post("/_matrix/client/v3/createRoom", Some(&alice), json!({})).await;
    let state = format!("/_matrix/client/v3/rooms/{}/state/m.x/", made["room_id"].as_str().unwrap());
    let data = format!("/_matrix/client/v3/user/{}/account_data/m.x", alice.id);
    for path in [&state, &data] {
        for body in [r#"{"a":1}x"#, r#"{"a":1}{"b":2}"#] {
            let answer = server.ask(Method::PUT, path, Some(&alice), Body::from(body)).await;
            assert_eq!(error(&answer), (400, "M_NOT_JSON"), "{path} {body}");
        }
        assert_eq!(server.get(path, Some(&alice)).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn null_is_absent_where_it_says_nothing() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let room = json!({
        "is_direct": null, "visibility": null, "invite": null, "initial_state": null, "preset": null,
        "creation_content": null, "invite_3pid": null, "name": "A room",
    });
    let (status, made) = server.post("/_matrix/client/v3/createRoom", Some(&alice), room).await;
    assert_eq!(status, 200, "{made}");
    let keys = json!({ "device_keys": null, "one_time_keys": null, "fallback_keys": null });
    assert_eq!(server.post("/_matrix/client/v3/keys/upload", Some(&alice), keys).await.0, 200);
    // Here it is what is said.
    let data = format!("/_matrix/client/v3/user/{}/account_data/m.x", alice.id);
    assert_eq!(server.put(&data, Some(&alice), json!({ "a": null })).await.0, 200);
    assert_eq!(server.get(&data, Some(&alice)).await.1, json!({ "a": null }));
}

#[tokio::test]
async fn missing_and_invalid_parameters() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let available = server.get("/_matrix/client/v3/register/available", None).await;
    assert_eq!(error(&available), (400, "M_MISSING_PARAM"));
    let tags = format!("/_matrix/client/v3/user/{}/rooms/nonsense/tags", alice.id);
    assert_eq!(error(&server.get(&tags, Some(&alice)).await), (400, "M_INVALID_PARAM"));
    let path = "/_matrix/client/v3/profile/%ff";
    assert_eq!(error(&server.get(path, None).await), (400, "M_INVALID_PARAM"));
}

#[tokio::test]
async fn path_variables_are_decoded_once() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let data = |room: &str, data_type: &str| {
        format!("/_matrix/client/v3/user/{}/rooms/{room}/account_data/{data_type}", alice.id)
    };
    for (given, read) in [
        ("!abc:localhost:8008", "%21abc%3Alocalhost%3A8008"),
        // The ids of rooms from version 12 on name no server.
        ("!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", "%2131hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"),
        ("!a%2Fb:localhost:8008", "!a%2fb:localhost%3a8008"),
    ] {
        assert_eq!(server.put(&data(given, "a%2Fb%2525"), Some(&alice), json!({ "at": given })).await.0, 200);
        let (status, body) = server.get(&data(read, "a%2fb%2525"), Some(&alice)).await;
        assert_eq!((status, &body["at"]), (200, &json!(given)));
        assert_eq!(server.get(&data(read, "a%2fb%25"), Some(&alice)).await.0, 404);
    }
}

#[tokio::test]
async fn web_pages_of_any_origin_may_ask() {
    let server = TestServer::new();
    for (method, path, status) in [
        (Method::OPTIONS, WHOAMI, 200),
        (Method::OPTIONS, "/_matrix/client/v3/nothing", 200),
        (Method::GET, WHOAMI, 401),
        (Method::GET, "/_matrix/client/v3/nothing", 404),
        (Method::DELETE, WHOAMI, 405),
    ] {
        let response = server.send(request(method.clone(), path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), status, "{method} {path}");
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        assert!(header(header::ACCESS_CONTROL_ALLOW_METHODS).contains("DELETE"));
        assert!(header(header::ACCESS_CONTROL_ALLOW_HEADERS).contains("Authorization"));
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_a_500() {
    async fn broken(
        State(_): State<ClientApi>,
        _request: crate::Request<whoami::Request>,
    ) -> Result<Answer<whoami::Response>> {
        panic!("as the test wants it")
    }
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let router = EndpointRouter::default().endpoint(broken).into_routes().with_state(server.api.clone());
    let request = request(Method::GET, &format!("{WHOAMI}?access_token={}", alice.token));
    let response = tower::ServiceExt::oneshot(router, request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["errcode"], "M_UNKNOWN");
}

#[test]
fn every_path_is_served_by_one_handler() {
    let served = served();
    assert!(served.iter().any(|one| one.handler == "session::login::login" && one.method == "POST"));
    assert!(served.windows(2).all(|pair| (pair[0].method, pair[0].path) != (pair[1].method, pair[1].path)));
}

/// Every endpoint that takes a token refuses who has none, and whose token is no good.
#[tokio::test]
async fn no_endpoint_that_takes_a_token_serves_without() {
    let server = TestServer::with(|options| options.registration = Registration::Off);
    let open = [
        "/login",
        "/register",
        "/refresh",
        "/profile/",
        "/versions",
        "/.well-known/",
        "/_synapse/",
        // Whoever asks is proven by an OpenID token in the body, of this server or of another.
        "/livekit/jwt/",
        // What a client shows a person who has no token yet.
        "/fallback/web",
        // Who got the mail may.
        "/_hearth/mail/",
        "/_matrix/media/v3/download",
        "/_matrix/media/v3/thumbnail",
        "/_matrix/media/r0/download",
        "/_matrix/media/r0/thumbnail",
        // Who knows the id may.
        "/delayed_events/{delay_id}/{action}",
        "summary/",
        "/summary",
    ];
    // Anyone may look, and users may change.
    let open_to_read = ["/publicRooms", "/directory/"];
    for one in served() {
        let is_open = open.iter().any(|part| one.path.contains(part))
            || one.method == "GET" && open_to_read.iter().any(|part| one.path.contains(part));
        let takes_token = !is_open || one.path.contains("/login/get_token");
        if !takes_token {
            continue;
        }
        let path = one.path.replace("{user_id}", "@alice:localhost:8008").replace("{room_id}", "!a:b");
        let method = Method::from_bytes(one.method.as_bytes()).unwrap();
        let answer = server.ask(method.clone(), &path, None, Body::from("{}")).await;
        // Two of them could be proven otherwise than by a token, but not here.
        assert_eq!(
            answer.0,
            if answer.1["errcode"] == "M_BAD_JSON" { 400 } else { 401 },
            "{one:?} {answer:?}"
        );
        let path = format!("{path}?access_token=nonsense");
        let answer = server.ask(method, &path, None, Body::from("{}")).await;
        assert_eq!(error(&answer), (401, "M_UNKNOWN_TOKEN"), "{one:?}");
    }
}

#[tokio::test]
async fn bodies_take_only_so_much_together() {
    let server = TestServer::new();
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let mut held = server.api.bodies().counter(AskedBy::User(alice.id.clone()));
    held.add(UNCOUNTED + MAX_BODIES_OF_ONE - 1000).unwrap();
    let put = async |user: &User, content: Value| {
        let path = format!("/_matrix/client/v3/user/{}/account_data/test", user.id);
        server.put(&path, Some(user), content).await
    };
    let large = json!({ "text": "x".repeat(UNCOUNTED + 2000) });
    // Short, and large once it is read.
    let many = json!({ "list": vec![0; 1000] });
    for content in [&large, &many] {
        assert_eq!(error(&put(&alice, content.clone()).await), (429, "M_LIMIT_EXCEEDED"));
        assert_eq!(put(&bob, content.clone()).await.0, 200, "others have a share of their own");
    }
    assert_eq!(put(&alice, json!({ "text": "small" })).await.0, 200);
    let path = format!("/_matrix/client/v3/user/{}/account_data/test", alice.id);
    drop(held);
    for content in [many, large] {
        assert_eq!(put(&alice, content).await.0, 200);
    }
    // What somebody asks for and does not take is there as well.
    let mut held = server.api.bodies().counter(AskedBy::User(alice.id.clone()));
    held.add(UNCOUNTED + MAX_BODIES_OF_ONE - 1000).unwrap();
    assert_eq!(error(&server.get(&path, Some(&alice)).await), (429, "M_LIMIT_EXCEEDED"));
    drop(held);
    assert_eq!(server.get(&path, Some(&alice)).await.0, 200);
}
