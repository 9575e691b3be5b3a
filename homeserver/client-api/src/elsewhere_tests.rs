//! What users ask of other servers: two whole servers that talk to each other on loopback.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{body::Body, middleware, response::IntoResponse as _};
use axum_server::tls_rustls::RustlsConfig;
use hearth_federation::{FederationOptions, FetchingMembers, outbox::Outbox};
use hearth_network::NetworkOptions;
use http::{Method, Request, StatusCode, header};
use ruma::ServerName;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    room::testing::{CLIENT, FORBIDDEN, NOT_FOUND},
    testing::{TestServer, User, device_keys, error},
};

struct Neighbour {
    server: TestServer,
    name: String,
    answers: Arc<Mutex<Answers>>,
    _outbox: Outbox,
}

/// How a server answers others.
#[derive(Clone, Copy)]
enum Answers {
    Well,
    /// With an error.
    Broken,
    /// Not at all.
    Frozen,
}

impl Neighbour {
    fn now_answers(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }
}

/// Alice is here, Bob is there.
struct Neighbours {
    here: Neighbour,
    alice: User,
    there: Neighbour,
    bob: User,
    _certificate: TempDir,
}

impl Neighbours {
    async fn meet() -> Self {
        Self::meet_with(false).await
    }

    /// They join rooms without their members, if that is wanted.
    async fn meet_with(partial_joins: bool) -> Self {
        // Another test may have chosen it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("certificate.pem");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&path, made.cert.pem()).unwrap();
        let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
        let tls = RustlsConfig::from_pem(cert, key).await.unwrap();
        let start = || {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listener.set_nonblocking(true).unwrap();
            let name = format!("localhost:{}", listener.local_addr().unwrap().port());
            let options = FederationOptions {
                network: NetworkOptions {
                    trusted_ca: Some(path.clone()),
                    allow_private_networks: true,
                    ..NetworkOptions::default()
                },
                partial_joins,
                ..FederationOptions::new(ServerName::parse(&name).unwrap())
            };
            let server = TestServer::federating_with_calls(options, |_| {});
            let federation = &server.api.federation;
            let answers = Arc::new(Mutex::new(Answers::Well));
            let mood = answers.clone();
            let answer = move |request, next: middleware::Next| {
                let now = *mood.lock().unwrap();
                async move {
                    match now {
                        Answers::Well => next.run(request).await,
                        Answers::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                        Answers::Frozen => std::future::pending().await,
                    }
                }
            };
            let app = hearth_federation::router::router(federation.clone());
            let app = app.layer(middleware::from_fn(answer)).into_make_service();
            tokio::spawn(axum_server::from_tcp_rustls(listener, tls.clone()).unwrap().serve(app));
            let outbox = Outbox::start(federation);
            Neighbour { server, name, answers, _outbox: outbox }
        };
        let (here, there) = (start(), start());
        let (alice, bob) = (here.server.register("alice").await, there.server.register("bob").await);
        Self { here, alice, there, bob, _certificate: folder }
    }

    /// Bob makes a room there.
    async fn room(&self, body: Value) -> String {
        self.there.server.create_room(&self.bob, body).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.here.server.get(path, Some(&self.alice)).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.here.server.post(path, Some(&self.alice), body).await
    }
}

/// Asks until the answer is the one wanted, as what is sent comes a little later.
async fn becomes<T: PartialEq>(wanted: &T, ask: impl AsyncFn() -> T) {
    let arrives = async {
        while ask().await != *wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrives).await.expect("nothing came");
}

fn bodies(page: &Value) -> Vec<&str> {
    page["chunk"].as_array().unwrap().iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test]
async fn a_room_by_its_alias_with_what_was_said_before() {
    let all = Neighbours::meet().await;
    let room = all.room(json!({ "preset": "public_chat", "room_alias_name": "open", "name": "Open" })).await;
    for text in ["1", "2", "3"] {
        all.there.server.say(&all.bob, &room, text).await;
    }
    let alias = format!("%23open:{}", all.there.name);
    let found = all.get(&format!("{CLIENT}/directory/room/{alias}")).await;
    assert_eq!(found, (200, json!({ "room_id": room, "servers": [all.there.name] })));
    let none = all.get(&format!("{CLIENT}/directory/room/%23none:{}", all.there.name)).await;
    assert_eq!(error(&none), NOT_FOUND);
    let summary = all.get(&format!("/_matrix/client/v1/room_summary/{alias}")).await;
    assert_eq!((summary.0, &summary.1["name"]), (200, &json!("Open")), "{}", summary.1);

    assert_eq!(
        all.post(&format!("{CLIENT}/join/{alias}"), json!({})).await,
        (200, json!({ "room_id": room }))
    );
    let messages = format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=100");
    let (status, page) = all.get(&messages).await;
    assert_eq!((status, bodies(&page)), (200, vec!["3", "2", "1"]), "{page}");
    let forwards = all.get(&format!("{CLIENT}/rooms/{room}/messages?dir=f&limit=100")).await;
    assert_eq!(bodies(&forwards.1), ["1", "2", "3"]);
    // From now on what is said there comes here, and the other way round.
    all.here.server.say(&all.alice, &room, "4").await;
    let there = async || {
        let page = all.there.server.get(&messages, Some(&all.bob)).await.1;
        bodies(&page).contains(&"4")
    };
    becomes(&true, there).await;
    // Whoever has left comes back by another server.
    all.here.server.act(&all.alice, &room, "leave", json!({})).await;
    let member = format!("m.room.member/{}", all.alice.id);
    let left = async || all.there.server.state(&all.bob, &room, &member).await["membership"] == "leave";
    becomes(&true, left).await;
    all.there.server.say(&all.bob, &room, "5").await;
    let joined = all.post(&format!("{CLIENT}/join/{room}"), json!({})).await;
    assert_eq!(joined.0, 200, "{}", joined.1);
    assert!(bodies(&all.get(&messages).await.1).contains(&"5"));
}

#[tokio::test]
async fn history_that_cannot_be_had_now_is_not_the_end_of_the_room() {
    for answers in [Answers::Broken, Answers::Frozen] {
        let all = Neighbours::meet().await;
        let room = all.room(json!({ "preset": "public_chat" })).await;
        all.there.server.say(&all.bob, &room, "before").await;
        assert_eq!(all.post(&format!("{CLIENT}/join/{room}?via={}", all.there.name), json!({})).await.0, 200);
        all.there.now_answers(answers);
        let messages = format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=100");
        let (status, mut page) = all.get(&messages).await;
        assert_eq!((status, page["chunk"].as_array().unwrap().len()), (200, 1), "{page}");
        // However often one asks: and clients take an `end` that is the `start` for the end.
        for _ in 0..if matches!(answers, Answers::Broken) { 3 } else { 1 } {
            let end = page["end"].as_str().unwrap_or_else(|| panic!("no end: {page}")).to_owned();
            page = all.get(&format!("{messages}&from={end}")).await.1;
            assert_eq!((&page["chunk"], &page["start"]), (&json!([]), &json!(end)));
            assert_ne!(page["end"], page["start"]);
        }
        // By its time it is not told that there is none, and neither of a space.
        let path = format!("/_matrix/client/v1/rooms/{room}/timestamp_to_event?dir=b&ts=1");
        assert_eq!(all.get(&path).await.0, 502);
        if matches!(answers, Answers::Broken) {
            let path = format!("/_matrix/client/v1/rooms/!far:{}/hierarchy", all.there.name);
            assert_eq!(all.get(&path).await.0, 502);
        }

        all.there.now_answers(Answers::Well);
        // It is left alone for a while after it failed.
        all.here.server.clock.advance(3_600_000);
        let end = page["end"].as_str().unwrap();
        let (_, page) = all.get(&format!("{messages}&from={end}")).await;
        assert_eq!(bodies(&page), ["before"], "{page}");
        let end = page["end"].as_str().unwrap();
        let (_, page) = all.get(&format!("{messages}&from={end}")).await;
        assert_eq!((&page["chunk"], page.get("end")), (&json!([]), None), "{page}");
    }
}

#[tokio::test]
async fn an_event_of_before_by_its_time() {
    let all = Neighbours::meet().await;
    let room = all.room(json!({ "preset": "public_chat" })).await;
    all.there.server.clock.advance(10_000);
    let then = all.there.server.say(&all.bob, &room, "then").await;
    all.there.server.clock.advance(10_000);
    all.here.server.clock.advance(20_000);
    assert_eq!(all.post(&format!("{CLIENT}/join/{room}?via={}", all.there.name), json!({})).await.0, 200);
    let path = format!("/_matrix/client/v1/rooms/{room}/timestamp_to_event");
    let found = all.get(&format!("{path}?dir=f&ts={}", 1_700_000_005_000_u64)).await;
    assert_eq!((found.0, &found.1["event_id"]), (200, &json!(then)), "{}", found.1);
    assert_eq!(all.get(&format!("{CLIENT}/rooms/{room}/context/{then}")).await.0, 200);
}

#[tokio::test]
async fn invites_and_knocks() {
    let all = Neighbours::meet().await;
    let alice = &all.alice.id;
    // With the room, and afterwards.
    let first = all.room(json!({ "invite": [alice], "is_direct": true })).await;
    let second = all.room(json!({})).await;
    all.there.server.act(&all.bob, &second, "invite", json!({ "user_id": alice, "reason": "come" })).await;
    let sync = all.get(&format!("{CLIENT}/sync")).await.1;
    for room in [&first, &second] {
        assert!(sync["rooms"]["invite"][room]["invite_state"]["events"].is_array(), "{sync}");
    }
    let member = format!("m.room.member/{alice}");
    let there =
        async |room: &str| all.there.server.state(&all.bob, room, &member).await["membership"].clone();
    assert_eq!(all.here.server.act(&all.alice, &first, "join", json!({})).await["room_id"], first);
    becomes(&json!("join"), || there(&first)).await;
    all.here.server.act(&all.alice, &second, "leave", json!({})).await;
    becomes(&json!("leave"), || there(&second)).await;
    all.here.server.act(&all.alice, &second, "forget", json!({})).await;
    // By invite only.
    let again = all.post(&format!("{CLIENT}/join/{second}?via={}", all.there.name), json!({})).await;
    assert_eq!(error(&again), FORBIDDEN);

    let knock = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
    let third = all.room(json!({ "initial_state": knock })).await;
    let path = format!("{CLIENT}/knock/{third}?via={}", all.there.name);
    assert_eq!(all.post(&path, json!({ "reason": "please" })).await, (200, json!({ "room_id": third })));
    becomes(&json!("knock"), || there(&third)).await;
}

#[tokio::test]
async fn spaces_and_published_rooms() {
    let all = Neighbours::meet().await;
    let published = json!({ "visibility": "public", "name": "Published" });
    let room = all.room(published).await;
    let space = json!({ "creation_content": { "type": "m.space" }, "preset": "public_chat", "name": "Far" });
    let far = all.room(space).await;
    let secret = all.room(json!({ "name": "Secret" })).await;
    for child in [&room, &secret] {
        let via = json!({ "via": [all.there.name] });
        all.there.server.set_state(&all.bob, &far, &format!("m.space.child/{child}"), via).await;
    }
    let space = json!({ "creation_content": { "type": "m.space" }, "name": "Near" });
    let near = all.here.server.create_room(&all.alice, space).await;
    let via = json!({ "via": [all.there.name] });
    all.here.server.set_state(&all.alice, &near, &format!("m.space.child/{far}"), via).await;
    let (status, tree) = all.get(&format!("/_matrix/client/v1/rooms/{near}/hierarchy")).await;
    let names: Vec<&str> =
        tree["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect();
    assert_eq!((status, names), (200, vec!["Near", "Far", "Published"]), "{tree}");

    let path = format!("{CLIENT}/publicRooms?server={}", all.there.name);
    let listed = all.get(&path).await;
    assert_eq!(listed.1["chunk"][0]["room_id"], room, "{}", listed.1);
    let filter = json!({ "filter": { "generic_search_term": "nothing" } });
    assert_eq!(all.post(&path, filter).await.1["chunk"], json!([]));
}

#[tokio::test]
async fn profiles_media_and_keys() {
    let all = Neighbours::meet().await;
    let profile = format!("{CLIENT}/profile/{}", all.bob.id);
    let name = json!({ "displayname": "Bob" });
    let set = all.there.server.put(&format!("{profile}/displayname"), Some(&all.bob), name.clone()).await;
    assert_eq!(set.0, 200);
    assert_eq!(all.get(&profile).await, (200, name.clone()));
    assert_eq!(all.get(&format!("{profile}/displayname")).await, (200, name));
    assert_eq!(error(&all.get(&format!("{profile}/avatar_url")).await), NOT_FOUND);
    let nobody = all.get(&format!("{CLIENT}/profile/@nobody:{}", all.there.name)).await;
    assert_eq!(error(&nobody), NOT_FOUND);

    let upload = Request::builder()
        .method(Method::POST)
        .uri("/_matrix/media/v3/upload?filename=a.txt")
        .header(header::CONTENT_TYPE, "text/plain")
        .header(header::AUTHORIZATION, format!("Bearer {}", all.bob.token));
    let uploaded = all.there.server.send(upload.body(Body::from("a file")).unwrap()).await;
    let uploaded = axum::body::to_bytes(uploaded.into_body(), 1000).await.unwrap();
    let uri: Value = serde_json::from_slice(&uploaded).unwrap();
    let file = uri["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap();
    let download = Request::builder()
        .uri(format!("/_matrix/client/v1/media/download/{file}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", all.alice.token));
    let media = all.here.server.send(download.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (media.status().as_u16(), &media.headers()["content-type"]),
        (200, &"text/plain".parse().unwrap())
    );
    assert_eq!(axum::body::to_bytes(media.into_body(), 1000).await.unwrap(), "a file");
    let none = all.get(&format!("/_matrix/client/v1/media/download/{}/none", all.there.name)).await;
    assert_eq!(error(&none), NOT_FOUND);

    let (id, device) = (all.bob.id.to_string(), all.bob.device.to_string());
    let body = json!({
        "device_keys": device_keys(&all.bob),
        "one_time_keys": { "signed_curve25519:AAAA": { "key": "a2V5", "signatures": {} } },
    });
    assert_eq!(all.there.server.post(&format!("{CLIENT}/keys/upload"), Some(&all.bob), body).await.0, 200);
    let found = all.post(&format!("{CLIENT}/keys/query"), json!({ "device_keys": { &id: [] } })).await.1;
    assert_eq!(found["device_keys"][&id][&device]["device_id"], device, "{found}");
    assert_eq!(found["failures"], json!({}));
    let wanted = json!({ "one_time_keys": { &id: { &device: "signed_curve25519" } } });
    let claimed = all.post(&format!("{CLIENT}/keys/claim"), wanted).await.1;
    assert_eq!(claimed["one_time_keys"][&id][&device]["signed_curve25519:AAAA"]["key"], "a2V5", "{claimed}");
}

#[tokio::test]
async fn who_asks_for_the_members_of_a_room_waits_until_they_are_here() {
    let all = Neighbours::meet_with(true).await;
    let room = all.room(json!({ "preset": "public_chat", "name": "Open" })).await;
    let join = format!("{CLIENT}/join/{room}?via={}", all.there.name);
    let mut others = Vec::new();
    for name in ["carol", "dave", "erin"] {
        let user = all.there.server.register(name).await;
        assert_eq!(all.there.server.post(&join, Some(&user), json!({})).await.0, 200);
        others.push(user);
    }
    assert_eq!(all.post(&join, json!({})).await.0, 200);
    let state = format!("{CLIENT}/rooms/{room}/state");
    // What is no member is here already.
    assert_eq!(all.get(&format!("{state}/m.room.name")).await.1["name"], "Open");
    all.here.server.say(&all.alice, &room, "hello").await;

    let paths = [
        state.clone(),
        format!("{CLIENT}/rooms/{room}/members"),
        format!("{CLIENT}/rooms/{room}/joined_members"),
        format!("{state}/m.room.member/{}", others[0].id),
    ];
    let start = async { FetchingMembers::start(&all.here.server.api.federation).unwrap() };
    let [state, members, joined, carol] = paths.each_ref().map(|path| all.get(path));
    let (state, members, joined, carol, _fetching) = tokio::join!(state, members, joined, carol, start);
    let is_member = |event: &&Value| event["type"] == "m.room.member";
    assert_eq!(state.1.as_array().unwrap().iter().filter(is_member).count(), 5);
    assert_eq!(members.1["chunk"].as_array().unwrap().len(), 5);
    assert_eq!(joined.1["joined"].as_object().unwrap().len(), 5);
    assert_eq!(carol, (200, json!({ "membership": "join", "displayname": "carol" })));
}

/// Bob calls Alice in a room that both are in, through her server's SFU as well.
#[tokio::test]
async fn users_of_other_servers_get_tokens_for_calls() {
    let all = Neighbours::meet().await;
    let room = all.room(json!({ "preset": "public_chat" })).await;
    let openid = format!("{CLIENT}/user/{}/openid/request_token", all.bob.id);
    let (_, openid) = all.there.server.post(&openid, Some(&all.bob), json!({})).await;
    let asked = json!({ "room": room, "openid_token": openid, "device_id": "PHONE" });
    let ask = async |asked: &Value| all.here.server.post("/livekit/jwt/sfu/get", None, asked.clone()).await;
    assert_eq!(error(&ask(&asked).await), FORBIDDEN, "he is not in the room");
    assert_eq!(all.post(&format!("{CLIENT}/join/{room}?via={}", all.there.name), json!({})).await.0, 200);
    let (status, told) = ask(&asked).await;
    assert_eq!((status, &told["url"]), (200, &json!("wss://matrix.example")), "{told}");
    // A server says who its own users are, and no one else's; and looks after their delayed events.
    let mut forged = asked.clone();
    forged["openid_token"]["access_token"] = json!("a guess");
    assert_eq!(error(&ask(&forged).await), (401, "M_UNAUTHORIZED"));
    let mut delegated = asked.clone();
    delegated["delay_id"] = json!("1");
    assert_eq!(error(&ask(&delegated).await), (400, "M_BAD_JSON"));
}
