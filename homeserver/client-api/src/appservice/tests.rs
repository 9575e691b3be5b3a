//! Application services: a service that notes what it is asked, and what the tests of each concern begin with.

mod acting;
mod asked;
mod registered;
mod told;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State, http::Request, response::IntoResponse as _};
use hearth_appservices::{AppServices, Pushing};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::{
    room::testing::CLIENT,
    testing::{TestServer, User},
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
