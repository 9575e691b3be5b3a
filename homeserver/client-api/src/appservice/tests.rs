use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State, http::Request, response::IntoResponse as _};
use hearth_appservices::{AppServices, Pushing};
use hearth_storage::{Position, Scan, schema};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::{
    room::testing::CLIENT,
    testing::{TestServer, User, device_keys, error},
};

/// A service that notes what it is asked, and answers as it is told to.
struct Bridge {
    port: u16,
    asked: tokio::sync::Mutex<mpsc::UnboundedReceiver<Asked>>,
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    usual: Arc<Mutex<(u16, Value)>>,
    _end: watch::Sender<()>,
}

#[derive(Debug)]
struct Asked {
    method: Method,
    path: String,
    token: String,
    body: Value,
}

impl Bridge {
    /// A service that takes everything.
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (say, asked) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<VecDeque<(u16, Value)>>> = Arc::default();
        let usual = Arc::new(Mutex::new((200, json!({}))));
        let (end, mut ended) = watch::channel(());
        let port = listener.local_addr().unwrap().port();
        let state = (say, answers.clone(), usual.clone());
        let router = Router::new().fallback(note).with_state(state);
        tokio::spawn(async move {
            let served = axum::serve(listener, router);
            tokio::select! {
                _ = served => {}
                _ = ended.changed() => {}
            }
        });
        Self { port, asked: asked.into(), answers, usual, _end: end }
    }

    /// What it is asked next.
    async fn next(&self) -> Asked {
        self.asked.lock().await.recv().await.unwrap()
    }

    /// The next transaction: its id and body. It may be pinged before.
    async fn transaction(&self) -> (String, Value) {
        let mut next = self.next().await;
        while next.path.starts_with("/_matrix/app/v1/ping") {
            next = self.next().await;
        }
        let Asked { method, path, token, body } = next;
        let id = path.strip_prefix("/_matrix/app/v1/transactions/").unwrap_or_else(|| panic!("{path}"));
        assert_eq!((method, token.as_str()), (Method::PUT, "Bearer to_irc"));
        let (id, query) = id.split_once('?').unwrap();
        assert_eq!(query, "access_token=to_irc");
        (id.to_owned(), body)
    }

    /// The bodies of the messages of the next transactions, until there are so many.
    async fn messages(&self, count: usize) -> Vec<String> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.extend(bodies(&self.transaction().await.1));
        }
        messages
    }

    fn will_answer(&self, status: u16, body: Value) {
        self.answers.lock().unwrap().push_back((status, body));
    }

    fn always_answers(&self, status: u16, body: Value) {
        *self.usual.lock().unwrap() = (status, body);
    }
}

type BridgeState =
    (mpsc::UnboundedSender<Asked>, Arc<Mutex<VecDeque<(u16, Value)>>>, Arc<Mutex<(u16, Value)>>);

async fn note(
    State((say, answers, usual)): State<BridgeState>,
    request: Request<Body>,
) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let asked = Asked {
        method: parts.method,
        path: parts.uri.to_string(),
        token: parts.headers["authorization"].to_str().unwrap().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    _ = say.send(asked);
    let answer = answers.lock().unwrap().pop_front().unwrap_or_else(|| usual.lock().unwrap().clone());
    (StatusCode::from_u16(answer.0).unwrap(), axum::Json(answer.1)).into_response()
}

fn bodies(transaction: &Value) -> Vec<String> {
    let events = transaction["events"].as_array().unwrap();
    events.iter().filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
}

/// A registration: `more` goes over it.
fn registration(id: &str, port: u16, more: Value) -> Value {
    let mut registration = json!({
        "id": id, "url": format!("http://127.0.0.1:{port}"), "as_token": format!("from_{id}"),
        "hs_token": format!("to_{id}"), "sender_localpart": format!("{id}bot"), "rate_limited": false,
        "namespaces": {
            "users": [{ "regex": format!("@{id}_.*"), "exclusive": true }],
            "aliases": [{ "regex": format!("#{id}_.*"), "exclusive": true }],
        },
    });
    registration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    registration
}

/// Makes these the services of a server, and begins to tell them.
async fn register(server: &TestServer, registrations: &[Value]) -> Pushing {
    let pushing = Pushing::start(server.api.services.clone()).unwrap();
    reload(server, &pushing, registrations).await;
    pushing
}

async fn reload(server: &TestServer, pushing: &Pushing, registrations: &[Value]) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = registrations
        .iter()
        .enumerate()
        .map(|(number, registration)| {
            let file = folder.path().join(format!("{number}.yaml"));
            std::fs::write(&file, registration.to_string()).unwrap();
            file
        })
        .collect();
    let services = AppServices::read(&files, &server.api.options.server_name).unwrap();
    pushing.reload(services).await.unwrap();
}

/// The service, asking for itself.
fn irc() -> User {
    User { id: "@ircbot:localhost:8008".try_into().unwrap(), device: "".into(), token: "from_irc".to_owned() }
}

/// A path at which the service acts as one of its users.
fn acting(path: &str, name: &str) -> String {
    let and = if path.contains('?') { '&' } else { '?' };
    format!("{CLIENT}/{path}{and}user_id=@{name}:localhost:8008")
}

async fn ghost(server: &TestServer, name: &str) {
    let body = json!({ "type": "m.login.application_service", "username": name, "inhibit_login": true });
    let answer = server.post(&format!("{CLIENT}/register"), Some(&irc()), body).await;
    assert_eq!(answer, (200, json!({ "user_id": format!("@{name}:localhost:8008") })));
}

/// A room of Alice's that a ghost has joined.
async fn bridged(server: &TestServer, alice: &User) -> String {
    ghost(server, "irc_bob").await;
    let room = server.create_room(alice, json!({ "preset": "public_chat" })).await;
    let joined = server.post(&acting(&format!("join/{room}"), "irc_bob"), Some(&irc()), json!({})).await;
    assert_eq!(joined.0, 200, "{}", joined.1);
    room
}

async fn say(server: &TestServer, who: &User, room: &str, body: &str) {
    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/{body}");
    let sent = server.put(&path, Some(who), json!({ "msgtype": "m.text", "body": body })).await;
    assert_eq!(sent.0, 200, "{}", sent.1);
}

#[tokio::test]
async fn a_service_acts_as_its_users_and_as_nobody_else() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", 1, json!({ "url": null }))]).await;
    let whoami = |name: &str| acting("account/whoami", name);

    let own = server.get(&format!("{CLIENT}/account/whoami"), Some(&irc())).await;
    assert_eq!(own, (200, json!({ "user_id": "@ircbot:localhost:8008" })));
    let forbidden = (403, "M_FORBIDDEN");
    assert_eq!(error(&server.get(&whoami("irc_bob"), Some(&irc())).await), forbidden, "not registered");
    assert_eq!(
        server.get(&acting("../versions", "irc_bob").replace("/v3/..", ""), Some(&irc())).await.0,
        200
    );
    ghost(&server, "irc_bob").await;
    assert_eq!(server.get(&whoami("irc_bob"), Some(&irc())).await.1["user_id"], "@irc_bob:localhost:8008");
    assert_eq!(error(&server.get(&whoami("alice"), Some(&irc())).await), forbidden, "not its user");
    assert_eq!(error(&server.get(&whoami("irc_x:elsewhere"), Some(&irc())).await), (400, "M_INVALID_PARAM"));

    // Who registers what.
    let register = async |who: Option<&User>, body: Value| {
        error(&server.post(&format!("{CLIENT}/register"), who, body).await).1.to_owned()
    };
    let ask = |name: &str| json!({ "type": "m.login.application_service", "username": name });
    assert_eq!(register(Some(&irc()), ask("irc_bob")).await, "M_USER_IN_USE");
    assert_eq!(register(Some(&irc()), ask("carol")).await, "M_EXCLUSIVE");
    assert_eq!(register(Some(&irc()), ask("irc_BIG")).await, "");
    assert_eq!(register(None, ask("irc_d")).await, "M_MISSING_TOKEN");
    assert_eq!(register(Some(&alice), ask("irc_d")).await, "M_UNKNOWN_TOKEN");
    let auth = json!({ "type": "m.login.dummy" });
    let theirs = json!({ "username": "irc_carol", "password": "correct horse", "auth": auth });
    assert_eq!(register(None, theirs).await, "M_EXCLUSIVE");

    // Who logs in as whom.
    let login = async |who: Option<&User>, name: &str| {
        let identifier = json!({ "type": "m.id.user", "user": name });
        let body = json!({ "type": "m.login.application_service", "identifier": identifier });
        server.post(&format!("{CLIENT}/login"), who, body).await
    };
    let logged_in = login(Some(&irc()), "irc_bob").await;
    assert_eq!(logged_in.0, 200, "{}", logged_in.1);
    assert_eq!(error(&login(Some(&irc()), "alice").await), forbidden);
    assert_eq!(error(&login(None, "irc_bob").await), (401, "M_MISSING_TOKEN"));
    let flows = server.get(&format!("{CLIENT}/login"), None).await.1["flows"].clone();
    assert!(flows.as_array().unwrap().contains(&json!({ "type": "m.login.application_service" })));
}

#[tokio::test]
async fn aliases_are_made_by_their_owner() {
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let xmpp = registration("xmpp", 1, json!({ "url": null }));
    let _pushing = register(&server, &[registration("irc", 1, json!({ "url": null })), xmpp]).await;
    let room = server.create_room(&alice, json!({})).await;
    let alias = |name: &str| format!("{CLIENT}/directory/room/%23{name}:localhost:8008");
    let body = json!({ "room_id": room });
    let exclusive = (400, "M_EXCLUSIVE");
    assert_eq!(error(&server.put(&alias("irc_a"), Some(&alice), body.clone()).await), exclusive);
    assert_eq!(error(&server.put(&alias("a"), Some(&irc()), body.clone()).await), exclusive);
    assert_eq!(error(&server.put(&alias("xmpp_a"), Some(&irc()), body.clone()).await), exclusive);
    assert_eq!(server.put(&alias("irc_a"), Some(&irc()), body).await.0, 200);
    let named = json!({ "room_alias_name": "irc_b" });
    assert_eq!(error(&server.post(&format!("{CLIENT}/createRoom"), Some(&alice), named).await), exclusive);
    assert_eq!(error(&server.delete(&alias("irc_a"), Some(&alice), json!({})).await), exclusive);
    assert_eq!(server.delete(&alias("irc_a"), Some(&irc()), json!({})).await.0, 200);
}

#[tokio::test]
async fn devices_are_made_without_logging_in() {
    let server = TestServer::new();
    let flags = json!({ "url": null, "io.element.msc4190": true });
    let _pushing = register(&server, &[registration("irc", 1, flags)]).await;
    let bot = irc();
    let device = format!("{CLIENT}/devices/BRIDGE");
    assert_eq!(server.put(&device, Some(&bot), json!({ "display_name": "a bridge" })).await.0, 201);
    assert_eq!(server.put(&device, Some(&bot), json!({})).await.0, 200);
    let whoami =
        async |query: &str| server.get(&format!("{CLIENT}/account/whoami?{query}"), Some(&bot)).await;
    assert_eq!(whoami("device_id=BRIDGE").await.1["device_id"], "BRIDGE");
    assert_eq!(whoami("org.matrix.msc3202.device_id=BRIDGE").await.1["device_id"], "BRIDGE");
    assert_eq!(error(&whoami("device_id=OTHER").await), (400, "M_UNKNOWN_DEVICE"));

    let on_it = User { device: "BRIDGE".into(), ..bot.clone() };
    let keys = json!({ "device_keys": device_keys(&on_it) });
    let upload = format!("{CLIENT}/keys/upload");
    assert_eq!(error(&server.post(&upload, Some(&bot), keys.clone()).await), (400, "M_MISSING_PARAM"));
    assert_eq!(server.post(&format!("{upload}?device_id=BRIDGE"), Some(&bot), keys).await.0, 200);
    let register = json!({ "type": "m.login.application_service", "username": "irc_x" });
    let refused = server.post(&format!("{CLIENT}/register"), Some(&bot), register).await;
    assert_eq!(error(&refused), (400, "M_APPSERVICE_LOGIN_UNSUPPORTED"));
    assert_eq!(server.delete(&device, Some(&bot), json!({})).await.0, 200);
}

#[tokio::test]
async fn a_service_is_told_what_concerns_it_in_order() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", bridge.port, json!({}))]).await;
    let elsewhere = server.create_room(&alice, json!({})).await;
    say(&server, &alice, &elsewhere, "not-theirs").await;
    let room = bridged(&server, &alice).await;
    let (_, joined) = bridge.transaction().await;
    let event = &joined["events"][0];
    assert_eq!(
        (&event["type"], &event["state_key"]),
        (&json!("m.room.member"), &json!("@irc_bob:localhost:8008"))
    );
    assert_eq!(event["room_id"], room.as_str());
    for number in 0..5 {
        say(&server, &alice, &room, &format!("m{number}")).await;
    }
    assert_eq!(bridge.messages(5).await, ["m0", "m1", "m2", "m3", "m4"]);
    // What was said before the ghost came, and where it is not, is not its business. A ghost that leaves hears that.
    let left = server.post(&acting(&format!("rooms/{room}/leave"), "irc_bob"), Some(&irc()), json!({})).await;
    assert_eq!(left.0, 200);
    say(&server, &alice, &room, "after").await;
    let (_, left) = bridge.transaction().await;
    assert_eq!(left["events"][0]["content"]["membership"], "leave");
    assert_eq!(left["events"][0]["unsigned"]["prev_content"]["membership"], "join");
    assert_eq!(left["events"].as_array().unwrap().len(), 1);
    // An invite comes with what tells which room it is.
    let invited =
        server.create_room(&alice, json!({ "name": "Here", "invite": ["@irc_bob:localhost:8008"] })).await;
    let (_, invite) = bridge.transaction().await;
    let event = &invite["events"][0];
    assert_eq!((&event["room_id"], &event["content"]["membership"]), (&json!(invited), &json!("invite")));
    let state = event["unsigned"]["invite_room_state"].as_array().unwrap();
    assert!(state.iter().any(|event| event["content"]["name"] == "Here"));
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_as_it_was() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let registrations = [registration("irc", bridge.port, json!({}))];
    let pushing = register(&server, &registrations).await;
    let room = bridged(&server, &alice).await;
    bridge.transaction().await;
    bridge.always_answers(500, json!({}));
    say(&server, &alice, &room, "one").await;
    let first = bridge.transaction().await;
    say(&server, &alice, &room, "two").await;
    // After a restart, at once.
    pushing.stop().await;
    let pushing = Pushing::start(server.api.services.clone()).unwrap();
    let again = bridge.transaction().await;
    assert_eq!(again, first);
    // On a ping, at once.
    bridge.always_answers(200, json!({}));
    let ping = "/_matrix/client/v1/appservice/irc/ping";
    let pinged = server.post(ping, Some(&irc()), json!({ "transaction_id": "t" })).await;
    assert_eq!(pinged.0, 200, "{}", pinged.1);
    let mut asked = bridge.next().await;
    if asked.path.contains("/transactions/") {
        asked = bridge.next().await;
    }
    assert_eq!(
        (asked.path.as_str(), &asked.body),
        ("/_matrix/app/v1/ping?access_token=to_irc", &json!({ "transaction_id": "t" }))
    );
    let third = bridge.transaction().await;
    assert_eq!(third, first);
    let (id, next) = bridge.transaction().await;
    assert_ne!(id, first.0);
    assert_eq!(bodies(&next), ["two"]);
    // What was acknowledged does not come again.
    pushing.stop().await;
    let _pushing = Pushing::start(server.api.services.clone()).unwrap();
    say(&server, &alice, &room, "three").await;
    assert_eq!(bridge.messages(1).await, ["three"]);
}

#[tokio::test]
async fn pings_say_what_is_wrong() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let registrations = [
        registration("irc", bridge.port, json!({})),
        registration("dead", 1, json!({})),
        registration("deaf", 1, json!({ "url": null })),
    ];
    let _pushing = register(&server, &registrations).await;
    let ping = async |id: &str, token: &str| {
        let who = User { token: token.to_owned(), ..irc() };
        server.post(&format!("/_matrix/client/v1/appservice/{id}/ping"), Some(&who), json!({})).await
    };
    let fine = ping("irc", "from_irc").await;
    assert!(fine.0 == 200 && fine.1["duration_ms"].is_u64(), "{fine:?}");
    assert_eq!(error(&ping("dead", "from_irc").await), (403, "M_FORBIDDEN"));
    assert_eq!(error(&ping("irc", "wrong").await), (401, "M_UNKNOWN_TOKEN"));
    assert_eq!(error(&ping("deaf", "from_deaf").await), (400, "M_URL_NOT_SET"));
    assert_eq!(error(&ping("dead", "from_dead").await), (502, "M_CONNECTION_FAILED"));
    bridge.will_answer(403, json!({ "errcode": "M_FORBIDDEN" }));
    let refused = ping("irc", "from_irc").await;
    assert_eq!((error(&refused), &refused.1["status"]), ((502, "M_BAD_STATUS"), &json!(403)));
}

#[tokio::test]
async fn users_and_aliases_are_made_when_they_are_looked_up() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", bridge.port, json!({}))]).await;
    let room = server.create_room(&alice, json!({})).await;
    let invite = json!({ "user_id": "@irc_new:localhost:8008" });
    server.act(&alice, &room, "invite", invite).await;
    let asked = bridge.next().await;
    assert_eq!(asked.path, "/_matrix/app/v1/users/%40irc_new%3Alocalhost%3A8008?access_token=to_irc");
    bridge.transaction().await;
    bridge.will_answer(404, json!({ "errcode": "M_NOT_FOUND" }));
    let alias = |name: &str| format!("{CLIENT}/directory/room/%23{name}:localhost:8008");
    assert_eq!(error(&server.get(&alias("irc_a"), None).await), (404, "M_NOT_FOUND"));
    assert_eq!(
        bridge.next().await.path,
        "/_matrix/app/v1/rooms/%23irc_a%3Alocalhost%3A8008?access_token=to_irc"
    );
    // Who is not in its namespaces is none of its business.
    assert_eq!(error(&server.get(&alias("other"), None).await).0, 404);
    assert!(bridge.asked.lock().await.try_recv().is_err());
}

#[tokio::test]
async fn who_was_away_for_longer_than_the_log_is_caught_up_in_order() {
    let (server, bridge) = (TestServer::with_short_log(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = register(&server, &[registration("irc", bridge.port, json!({}))]).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        ghost_joins(&server, &alice, &mut rooms).await;
        bridge.transaction().await;
    }
    bridge.always_answers(502, json!({}));
    let mut said = Vec::new();
    for number in 0..300 {
        let body = format!("m{number}");
        say(&server, &alice, &rooms[number % 3], &body).await;
        said.push(body);
    }
    // The ghost leaves one of the rooms: what was said until then is told.
    let leave = acting(&format!("rooms/{}/leave", rooms[3]), "irc_bob");
    say(&server, &alice, &rooms[3], "before").await;
    assert_eq!(server.post(&leave, Some(&irc()), json!({})).await.0, 200);
    say(&server, &alice, &rooms[3], "after").await;
    said.push("before".to_owned());
    say(&server, &alice, &rooms[0], "last").await;
    said.push("last".to_owned());
    let first = server.api.rooms.store().view().scan(&schema::LOG, Scan::all()).next().unwrap().unwrap();
    assert!(first.0.0 > Position(100), "the log still has all of it: {:?}", first.0);

    bridge.always_answers(200, json!({}));
    server.post("/_matrix/client/v1/appservice/irc/ping", Some(&irc()), json!({})).await;
    let (mut told, mut ids) = (Vec::new(), Vec::new());
    while told.last().is_none_or(|last| last != "last") {
        let asked = bridge.next().await;
        if asked.path.contains("/transactions/") {
            assert!(asked.body["events"].as_array().unwrap().len() <= 100);
            if ids.last() != Some(&asked.path) {
                ids.push(asked.path);
                told.extend(bodies(&asked.body));
            }
        }
    }
    assert_eq!(told, said);
}

async fn ghost_joins(server: &TestServer, alice: &User, rooms: &mut Vec<String>) {
    match rooms.is_empty() {
        true => rooms.push(bridged(server, alice).await),
        false => {
            let room = server.create_room(alice, json!({ "preset": "public_chat" })).await;
            let join = acting(&format!("join/{room}"), "irc_bob");
            assert_eq!(server.post(&join, Some(&irc()), json!({})).await.0, 200);
            rooms.push(room);
        }
    }
}

/// A service for encrypted rooms, whose bot has a device.
async fn encrypted(server: &TestServer, bridge: &Bridge) -> Pushing {
    let flags = json!({
        "receive_ephemeral": true, "org.matrix.msc3202": true, "io.element.msc4190": true,
    });
    let pushing = register(server, &[registration("irc", bridge.port, flags)]).await;
    let device = format!("{CLIENT}/devices/BRIDGE");
    assert_eq!(server.put(&device, Some(&irc()), json!({})).await.0, 201);
    pushing
}

#[tokio::test]
async fn a_room_key_comes_with_or_before_what_it_opens_however_long_the_service_is_away() {
    let (server, bridge) = (TestServer::with_short_log(), Bridge::new().await);
    let alice = server.register("alice").await;
    let pushing = encrypted(&server, &bridge).await;
    let room = bridged(&server, &alice).await;
    bridge.always_answers(502, json!({}));
    for number in 0..250 {
        let key = json!({ "messages": { irc().id: { "BRIDGE": { "key": number } } } });
        let path = format!("{CLIENT}/sendToDevice/m.room_key/k{number}");
        assert_eq!(server.put(&path, Some(&alice), key).await.0, 200);
        say(&server, &alice, &room, &number.to_string()).await;
    }
    pushing.stop().await;
    bridge.always_answers(200, json!({}));
    let _pushing = Pushing::start(server.api.services.clone()).unwrap();
    let (mut keys, mut messages, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    while messages.last().is_none_or(|last| last != "249") {
        let (id, body) = bridge.transaction().await;
        if ids.contains(&id) {
            continue;
        }
        ids.push(id);
        assert_eq!(body["to_device"], body["de.sorunome.msc2409.to_device"]);
        for message in body["to_device"].as_array().into_iter().flatten() {
            assert_eq!(
                (&message["to_user_id"], &message["to_device_id"]),
                (&json!(irc().id), &json!("BRIDGE"))
            );
            assert_eq!((&message["type"], &message["sender"]), (&json!("m.room_key"), &json!(alice.id)));
            keys.push(message["content"]["key"].as_u64().unwrap());
        }
        for message in bodies(&body) {
            assert!(keys.contains(&message.parse().unwrap()), "{message} cannot be opened: {keys:?}");
            messages.push(message);
        }
    }
    assert_eq!(keys, (0..250).collect::<Vec<_>>());
    assert_eq!(messages.len(), 250);
}

#[tokio::test]
async fn who_encrypts_and_was_away_is_asked_whether_it_is_back_before_it_is_told() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = encrypted(&server, &bridge).await;
    let room = bridged(&server, &alice).await;
    bridge.always_answers(502, json!({}));
    say(&server, &alice, &room, "one").await;
    let mut asked = Vec::new();
    while asked.last().is_none_or(|path: &String| !path.starts_with("/_matrix/app/v1/ping")) {
        asked.push(bridge.next().await.path);
        assert!(asked.len() < 10, "it is told again and again: {asked:?}");
    }
}

#[tokio::test]
async fn what_passes_and_what_encryption_needs_is_told() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let _pushing = encrypted(&server, &bridge).await;
    let room = bridged(&server, &alice).await;
    let find = async |what: &str, is_it: &dyn Fn(&Value) -> bool| loop {
        let (_, body) = bridge.transaction().await;
        assert!(body["events"].is_array());
        assert_eq!(body["ephemeral"], body["de.sorunome.msc2409.ephemeral"]);
        if let Some(found) =
            body["ephemeral"].as_array().into_iter().flatten().find(|event| event["type"] == what)
        {
            if is_it(found) {
                return found.clone();
            }
        } else if what.is_empty() && is_it(&body) {
            return body;
        }
    };
    let typing = format!("{CLIENT}/rooms/{room}/typing/{}", alice.id);
    assert_eq!(server.put(&typing, Some(&alice), json!({ "typing": true, "timeout": 9000 })).await.0, 200);
    let typing = find("m.typing", &|_| true).await;
    assert_eq!(typing, json!({ "type": "m.typing", "room_id": room, "content": { "user_ids": [alice.id] } }));

    let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/r");
    let sent = server.put(&path, Some(&alice), json!({ "body": "r" })).await.1["event_id"].clone();
    let sent = sent.as_str().unwrap();
    for kind in ["m.read.private", "m.read"] {
        let read = format!("{CLIENT}/rooms/{room}/receipt/{kind}/{sent}");
        assert_eq!(server.post(&read, Some(&alice), json!({})).await.0, 200);
    }
    let receipt = find("m.receipt", &|_| true).await;
    assert_eq!(receipt["room_id"], room.as_str());
    let of_event = receipt["content"][sent].as_object().unwrap();
    assert!(of_event.contains_key("m.read") && !of_event.contains_key("m.read.private"), "{receipt}");

    let presence = format!("{CLIENT}/presence/{}/status", alice.id);
    let status = json!({ "presence": "online", "status_msg": "here" });
    assert_eq!(server.put(&presence, Some(&alice), status).await.0, 200);
    let presence = find("m.presence", &|event| event["content"]["status_msg"] == "here").await;
    assert_eq!(presence["sender"], alice.id.as_str());

    // Whose devices changed, and how many keys there are.
    let upload = format!("{CLIENT}/keys/upload");
    assert_eq!(
        server.post(&upload, Some(&alice), json!({ "device_keys": device_keys(&alice) })).await.0,
        200
    );
    let lists = "org.matrix.msc3202.device_lists";
    find("", &|body| body[lists]["changed"].as_array().is_some_and(|users| users.contains(&json!(alice.id))))
        .await;
    let on_it = User { device: "BRIDGE".into(), ..irc() };
    let keys = json!({ "device_keys": device_keys(&on_it), "one_time_keys": { "curve25519:AAAA": "a2V5" } });
    assert_eq!(server.post(&format!("{upload}?device_id=BRIDGE"), Some(&irc()), keys).await.0, 200);
    let counts = find("", &|body| {
        body["org.matrix.msc3202.device_one_time_keys_count"][irc().id.as_str()]["BRIDGE"]["curve25519"] == 1
    });
    let body = counts.await;
    let misspelt = &body["org.matrix.msc3202.device_one_time_key_counts"];
    assert_eq!(&body["org.matrix.msc3202.device_one_time_keys_count"], misspelt);
    let unused = &body["org.matrix.msc3202.device_unused_fallback_key_types"][irc().id.as_str()]["BRIDGE"];
    assert_eq!(unused, &json!([]));
}

#[tokio::test]
async fn networks_are_what_services_say_of_them() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let flags = json!({ "protocols": ["irc"] });
    let _pushing = register(&server, &[registration("irc", bridge.port, flags)]).await;
    let path = |what: &str| format!("{CLIENT}/thirdparty/{what}");
    bridge.will_answer(200, json!({ "instances": [{ "network_id": "libera", "desc": "L" }], "icon": "x" }));
    let (_, networks) = server.get(&path("protocols"), Some(&alice)).await;
    assert_eq!(networks["irc"]["instances"][0]["instance_id"], "irc|libera");
    assert_eq!(bridge.next().await.path, "/_matrix/app/v1/thirdparty/protocol/irc?access_token=to_irc");
    bridge.will_answer(200, json!([{ "alias": "#irc_a:localhost:8008", "protocol": "irc", "fields": {} }]));
    let found = server.get(&path("location/irc?channel=%23tea"), Some(&alice)).await;
    assert_eq!((found.0, &found.1[0]["protocol"]), (200, &json!("irc")));
    let asked = bridge.next().await;
    assert_eq!(asked.path, "/_matrix/app/v1/thirdparty/location/irc?channel=%23tea&access_token=to_irc");
    bridge.will_answer(200, json!([]));
    let users = server.get(&path("user?userid=@irc_a:localhost:8008"), Some(&alice)).await;
    assert_eq!(users, (200, json!([])));
    assert_eq!(error(&server.get(&path("protocol/xmpp"), Some(&alice)).await), (404, "M_NOT_FOUND"));

    // Its own directory.
    let room = server.create_room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    let publish = format!("{CLIENT}/directory/list/appservice/libera/{room}");
    assert_eq!(server.put(&publish, Some(&irc()), json!({ "visibility": "public" })).await, (200, json!({})));
    let listed = async |body: Value| {
        let found = server.post(&format!("{CLIENT}/publicRooms"), Some(&alice), body).await.1;
        found["chunk"].as_array().unwrap().len()
    };
    assert_eq!(listed(json!({ "third_party_instance_id": "irc|libera" })).await, 1);
    assert_eq!(listed(json!({ "third_party_instance_id": "irc|other" })).await, 0);
    assert_eq!(listed(json!({ "include_all_networks": true })).await, 1);
    assert_eq!(listed(json!({})).await, 0);
    assert_eq!(server.put(&publish, Some(&irc()), json!({ "visibility": "private" })).await.0, 200);
    assert_eq!(listed(json!({ "include_all_networks": true })).await, 0);
}

#[tokio::test]
async fn services_come_and_go_without_a_restart() {
    let (server, bridge) = (TestServer::new(), Bridge::new().await);
    let alice = server.register("alice").await;
    let irc_alone = [registration("irc", bridge.port, json!({}))];
    let pushing = register(&server, &irc_alone).await;
    let room = bridged(&server, &alice).await;
    bridge.transaction().await;
    // Another one comes, that is dead: the first goes on.
    let both = [irc_alone[0].clone(), registration("xmpp", 1, json!({}))];
    reload(&server, &pushing, &both).await;
    say(&server, &alice, &room, "one").await;
    assert_eq!(bridge.messages(1).await, ["one"]);
    let xmpp = User { token: "from_xmpp".to_owned(), ..irc() };
    let whoami = format!("{CLIENT}/account/whoami");
    assert_eq!(server.get(&whoami, Some(&xmpp)).await.1["user_id"], "@xmppbot:localhost:8008");
    reload(&server, &pushing, &irc_alone).await;
    assert_eq!(error(&server.get(&whoami, Some(&xmpp)).await), (401, "M_UNKNOWN_TOKEN"));
    say(&server, &alice, &room, "two").await;
    assert_eq!(bridge.messages(1).await, ["two"]);
}

#[tokio::test]
async fn a_service_says_when_something_happened_and_is_not_limited() {
    let server = TestServer::with(|options| options.rate_limits = Some(Default::default()));
    let _pushing = register(&server, &[registration("irc", 1, json!({ "url": null }))]).await;
    let room = server.create_room(&irc(), json!({})).await;
    for number in 0..200 {
        let send = format!("{CLIENT}/rooms/{room}/send/m.room.message/{number}?ts=1000");
        assert_eq!(server.put(&send, Some(&irc()), json!({ "body": "x" })).await.0, 200);
    }
    let state = format!("{CLIENT}/rooms/{room}/state/m.room.topic/?ts=2000");
    let sent = server.put(&state, Some(&irc()), json!({ "topic": "x" })).await.1;
    let event = format!("{CLIENT}/rooms/{room}/event/{}", sent["event_id"].as_str().unwrap());
    assert_eq!(server.get(&event, Some(&irc())).await.1["origin_server_ts"], 2000);
    let messages = format!("{CLIENT}/rooms/{room}/messages?dir=b&limit=3");
    assert_eq!(server.get(&messages, Some(&irc())).await.1["chunk"][1]["origin_server_ts"], 1000);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endless = || async {
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8 << 10]));
        Body::from_stream(chunks)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(endless)).await });
    let server = TestServer::new();
    let alice = server.register("alice").await;
    let flags = json!({ "protocols": ["irc"] });
    let _pushing = register(&server, &[registration("irc", port, flags)]).await;
    let path = format!("{CLIENT}/thirdparty/protocols");
    assert_eq!(server.get(&path, Some(&alice)).await, (200, json!({})));
    let ping = server.post("/_matrix/client/v1/appservice/irc/ping", Some(&irc()), json!({})).await;
    assert_eq!(error(&ping), (502, "M_CONNECTION_FAILED"));
}

#[test]
fn files_that_claim_the_same_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.yaml"), folder.path().join("two.yaml"));
    std::fs::write(&one, registration("irc", 1, json!({})).to_string()).unwrap();
    let mut other = registration("irc", 1, json!({}));
    other["id"] = "other".into();
    other["as_token"] = "other".into();
    other["sender_localpart"] = "other".into();
    std::fs::write(&two, other.to_string()).unwrap();
    let server_name = ruma::server_name!("here.org");
    let refused = AppServices::read(&[one, two.clone()], server_name).unwrap_err().to_string();
    assert!(refused.contains("two.yaml") && refused.contains("`irc`"), "{refused}");
    let missing = AppServices::read(&[Path::new("/nowhere.yaml").to_owned()], server_name).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere.yaml: "), "{missing}");
}
