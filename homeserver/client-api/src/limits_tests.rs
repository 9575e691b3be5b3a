//! Rate limits, over HTTP.

use axum::body::Body;
use hearth_http::limits::{Class, Rate, RateLimits};
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::{
    account::shared_secret::shared_secret_mac,
    limits::class,
    served,
    testing::{PASSWORD, TestServer, User, error},
};

const LOGIN: &str = "/_matrix/client/v3/login";

fn password(name: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": name },
        "password": password,
    })
}

/// A server on which each class lets two requests in, and hardly ever another.
fn strict() -> TestServer {
    let rate = Rate { per_second: 0.001, burst: 2 };
    TestServer::with(|options| {
        options.rate_limits =
            Some(Class::all().fold(RateLimits::default(), |limits, class| limits.with(class, rate)));
    })
}

/// A request from that address.
async fn from(address: &str, server: &TestServer, path: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(Method::POST).uri(path).header("X-Forwarded-For", address);
    let response = server.send(request.body(Body::from(body.to_string())).unwrap()).await;
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn every_endpoint_has_a_class_and_what_costs_much_has_one_of_its_own() {
    let classes: Vec<_> = served().iter().map(|one| (one.handler, class(one.handler))).collect();
    let of = |handler: &str| {
        classes.iter().find(|(known, _)| *known == handler).unwrap_or_else(|| panic!("{handler}")).1
    };
    for (handler, expected) in [
        ("account::register::register", Class::Register),
        ("account::registration_token::check_registration_token_validity", Class::Register),
        ("account_data::global::set_global_account_data", Class::Store),
        ("account_data::tags::create_tag", Class::Store),
        ("backup::keys::add_backup_keys", Class::Store),
        ("device::delete::delete_devices", Class::Store),
        ("directory::alias::get_room_id_by_alias", Class::Remote),
        ("filter::create::create_filter", Class::Store),
        ("keys::claim::claim_keys", Class::Keys),
        ("keys::query::get_keys", Class::Keys),
        ("delayed_event::act::update_delayed_event", Class::Delayed),
        ("keys::upload::upload_keys", Class::Keys),
        ("media::upload::create_content", Class::Media),
        ("membership::invite::invite_user", Class::Invite),
        ("membership::join::join_room", Class::Join),
        ("membership::join::join_room_by_id", Class::Join),
        ("membership::joined::get_joined_members", Class::Room),
        ("membership::members::get_members", Class::Room),
        ("message::context::get_context", Class::Room),
        ("message::messages::get_messages", Class::Room),
        ("message::search::search", Class::Room),
        ("profile::get::get_profile", Class::Remote),
        ("relations::get::get_relations", Class::Room),
        ("room::create::create_room", Class::CreateRoom),
        ("room::report::report_event", Class::Report),
        ("room::summary::get_room_summary", Class::Remote),
        ("session::login::login", Class::Login),
        ("state::get::get_room_state", Class::Room),
        ("state::put::set_room_state", Class::Message),
        ("state::send::send_message", Class::Message),
        ("sync::get::sync", Class::Sync),
        ("sync::initial_sync::initial_sync", Class::InitialSync),
        ("to_device::send_event_to_device", Class::Message),
    ] {
        assert_eq!(of(handler), expected, "{handler}");
    }
}

/// One request of that class, as a test asks it; `None` for those of other servers.
async fn ask(server: &TestServer, class: Class, alice: &User) -> Option<(u16, Value)> {
    let room = "/_matrix/client/v3/rooms/!nowhere:localhost:8008";
    let of_room = |path: &str| format!("{room}/{path}");
    let none = json!({});
    Some(match class {
        Class::Login => from("10.0.0.1", server, LOGIN, json!({ "type": "m.login.nonsense" })).await,
        Class::Guess => from("10.0.0.2", server, LOGIN, password("alice", "wrong")).await,
        Class::Register => server.post("/_matrix/client/v3/register", None, none).await,
        Class::Message => server.put(&of_room("send/m.room.message/1"), Some(alice), none).await,
        Class::Delayed => {
            server.get("/_matrix/client/unstable/org.matrix.msc4140/delayed_events", Some(alice)).await
        }
        Class::Invite => server.post(&of_room("invite"), Some(alice), json!({ "user_id": "@b:a" })).await,
        Class::Join => server.post(&of_room("join"), Some(alice), none).await,
        Class::CreateRoom => server.post("/_matrix/client/v3/createRoom", Some(alice), none).await,
        Class::Report => server.post(&of_room("report"), Some(alice), json!({ "reason": "" })).await,
        Class::Sync => server.get("/_matrix/client/v3/events?timeout=0", Some(alice)).await,
        Class::InitialSync => server.get("/_matrix/client/v3/initialSync", Some(alice)).await,
        Class::Room => server.get(&of_room("messages?dir=b"), Some(alice)).await,
        Class::Keys => {
            server.post("/_matrix/client/v3/keys/query", Some(alice), json!({ "device_keys": {} })).await
        }
        Class::Store => server.get("/_matrix/client/v3/devices", Some(alice)).await,
        Class::Media => server.get("/_matrix/client/v1/media/config", Some(alice)).await,
        Class::Remote => server.get("/_matrix/client/v3/profile/@nobody:localhost:8008", None).await,
        Class::Other => server.get("/_matrix/client/v3/account/whoami", Some(alice)).await,
        // It is counted besides another class, in a test of its own.
        Class::Mail => return None,
        Class::Federation | Class::Server | Class::ServerRoom => return None,
    })
}

#[tokio::test]
async fn each_class_is_reached_and_forgiven() {
    let server = strict();
    let alice = server.register("alice").await;
    for class in Class::all() {
        let mut answers = Vec::new();
        while answers.last() != Some(&429) && answers.len() < 4 {
            let Some(answer) = ask(&server, class, &alice).await else { break };
            answers.push(answer.0);
        }
        let Some((last, before)) = answers.split_last() else { continue };
        assert!(*last == 429 && before.len() <= 2, "{class:?}: {answers:?}");
    }
    server.clock.advance(1_000_000);
    for class in Class::all() {
        if let Some(answer) = ask(&server, class, &alice).await {
            assert_ne!(answer.0, 429, "{class:?}");
        }
    }
}

#[tokio::test]
async fn nobody_asks_many_addresses_whether_they_want_mails() {
    let server = TestServer::with(|options| {
        let rate = Rate { per_second: 0.001, burst: 2 };
        options.rate_limits = Some(RateLimits::default().with(Class::Mail, rate));
    });
    let alice = server.register("alice").await;
    let mut answers = Vec::new();
    for name in ["a", "b", "c"] {
        let pusher = json!({
            "kind": "email", "app_id": "m.email", "pushkey": format!("{name}@b.example"), "lang": "en",
            "app_display_name": "", "device_display_name": "", "data": {},
        });
        answers.push(server.post("/_matrix/client/v3/pushers/set", Some(&alice), pusher).await.0);
    }
    assert_eq!(answers, [400, 400, 429], "this server sends none, and counts all the same");
}

#[tokio::test]
async fn a_sync_from_the_beginning_is_counted_twice() {
    let server = strict();
    let alice = server.register("alice").await;
    let path = "/_matrix/client/v3/sync";
    let (_, synced) = server.get(path, Some(&alice)).await;
    let since = format!("{path}?since={}&full_state=true", synced["next_batch"].as_str().unwrap());
    assert_eq!(server.get(&since, Some(&alice)).await.0, 200);
    server.clock.advance(1_000_000);
    assert_eq!(server.get(path, Some(&alice)).await.0, 200);
    assert_eq!(error(&server.get(path, Some(&alice)).await), (429, "M_LIMIT_EXCEEDED"));
}

#[tokio::test]
async fn whoever_guesses_a_password_is_locked_out_and_its_owner_is_not() {
    let server = TestServer::with(|options| {
        let guess = Rate { per_second: 0.001, burst: 2 };
        options.rate_limits = Some(RateLimits::default().with(Class::Guess, guess));
    });
    server.register("alice").await;
    let guess =
        async |address: &str, guess: &str| from(address, &server, LOGIN, password("alice", guess)).await;
    assert_eq!(error(&guess("10.0.0.1", "one").await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&guess("10.0.0.1", "two").await), (403, "M_FORBIDDEN"));
    // Even if it comes to be right.
    assert_eq!(error(&guess("10.0.0.1", PASSWORD).await), (429, "M_LIMIT_EXCEEDED"));
    assert_eq!(guess("10.0.0.2", PASSWORD).await.0, 200);
    // A network of IPv6 is one guesser.
    assert_eq!(guess("2001:db8:0:1::1", "one").await.0, 403);
    assert_eq!(guess("2001:db8:0:1::2", "two").await.0, 403);
    assert_eq!(guess("2001:db8:0:1::3", "three").await.0, 429);
}

#[tokio::test]
async fn a_right_password_is_no_guess() {
    let server = TestServer::with(|options| {
        let guess = Rate { per_second: 0.001, burst: 1 };
        options.rate_limits = Some(RateLimits::default().with(Class::Guess, guess));
    });
    server.register("alice").await;
    for _ in 0..10 {
        assert_eq!(server.post(LOGIN, None, password("alice", PASSWORD)).await.0, 200);
    }
    assert_eq!(server.post(LOGIN, None, password("alice", "wrong")).await.0, 403);
    assert_eq!(server.post(LOGIN, None, password("alice", PASSWORD)).await.0, 429);
}

#[tokio::test]
async fn whoever_knows_the_shared_secret_is_not_limited() {
    let server = TestServer::with(|options| {
        options.registration_shared_secret = Some("secret".to_owned());
        options.rate_limits = Some(RateLimits::default());
    });
    let path = "/_synapse/admin/v1/register";
    let register = async |address: &str, name: &str, secret: &str| {
        let (_, nonce) = server.get(path, None).await;
        let nonce = nonce["nonce"].as_str().unwrap();
        let mac = shared_secret_mac(secret, [nonce, name, PASSWORD], false, None).unwrap();
        let body = json!({ "nonce": nonce, "username": name, "password": PASSWORD, "mac": mac });
        from(address, &server, path, body).await.0
    };
    for number in 0..30 {
        assert_eq!(register("10.0.0.1", &format!("user{number}"), "secret").await, 200, "{number}");
    }
    let mut wrong = Vec::new();
    while wrong.last() != Some(&429) && wrong.len() < 100 {
        wrong.push(register("10.0.0.2", "guesser", "wrong").await);
    }
    assert_eq!((wrong.len(), wrong[0]), (11, 403));
    assert_eq!(register("10.0.0.2", "guesser", "secret").await, 429);
    assert_eq!(register("10.0.0.1", "owner", "secret").await, 200);
}

#[tokio::test]
async fn the_invites_of_a_new_room_count() {
    let server = strict();
    let alice = server.register("alice").await;
    for name in ["bob", "carol", "dave"] {
        server.clock.advance(2_000_000);
        server.register(name).await;
    }
    let invite =
        json!({ "invite": ["@bob:localhost:8008", "@carol:localhost:8008", "@dave:localhost:8008"] });
    let create =
        async |body: &Value| server.post("/_matrix/client/v3/createRoom", Some(&alice), body.clone()).await;
    assert_eq!(create(&invite).await.0, 200);
    assert_eq!(error(&create(&invite).await), (429, "M_LIMIT_EXCEEDED"));
}

#[tokio::test]
async fn whose_token_is_no_good_is_limited_by_address() {
    let server = strict();
    let whoami = async || {
        let request =
            Request::get("/_matrix/client/v3/account/whoami").header(header::AUTHORIZATION, "Bearer x");
        server.send(request.body(Body::empty()).unwrap()).await.status().as_u16()
    };
    assert_eq!([whoami().await, whoami().await, whoami().await], [401, 401, 429]);
}
