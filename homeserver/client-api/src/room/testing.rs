//! Rooms for tests, and those who should be refused in them.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::testing::{TestServer, User, error};

pub(crate) const CLIENT: &str = "/_matrix/client/v3";

/// What a refusal should be: a status and an `errcode`; 200 and nothing for none.
pub(crate) type Outcome = (u16, &'static str);

pub(crate) const OK: Outcome = (200, "");
pub(crate) const FORBIDDEN: Outcome = (403, "M_FORBIDDEN");
pub(crate) const NOT_FOUND: Outcome = (404, "M_NOT_FOUND");

impl TestServer {
    /// Makes a room and gives its id.
    pub(crate) async fn create_room(&self, who: &User, body: Value) -> String {
        let (status, answer) = self.post(&format!("{CLIENT}/createRoom"), Some(who), body).await;
        assert_eq!(status, 200, "{answer}");
        answer["room_id"].as_str().unwrap().to_owned()
    }

    /// Does something in a room by `POST` that must be allowed.
    pub(crate) async fn act(&self, who: &User, room: &str, action: &str, body: Value) -> Value {
        let (status, answer) = self.post(&format!("{CLIENT}/rooms/{room}/{action}"), Some(who), body).await;
        assert_eq!(status, 200, "{action}: {answer}");
        answer
    }

    /// Sends a text and gives the event's id.
    pub(crate) async fn say(&self, who: &User, room: &str, text: &str) -> String {
        let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/{text}");
        let (status, answer) = self.put(&path, Some(who), json!({ "msgtype": "m.text", "body": text })).await;
        assert_eq!(status, 200, "{answer}");
        answer["event_id"].as_str().unwrap().to_owned()
    }

    /// Sets state that must be allowed.
    pub(crate) async fn set_state(&self, who: &User, room: &str, state: &str, content: Value) {
        let (status, answer) =
            self.put(&format!("{CLIENT}/rooms/{room}/state/{state}"), Some(who), content).await;
        assert_eq!(status, 200, "{state}: {answer}");
    }

    /// The content of a piece of state, or `null`.
    pub(crate) async fn state(&self, who: &User, room: &str, state: &str) -> Value {
        match self.get(&format!("{CLIENT}/rooms/{room}/state/{state}"), Some(who)).await {
            (200, content) => content,
            (_, _) => Value::Null,
        }
    }
}

/// A room that one must be invited to, and everyone who may want something of it.
pub(crate) struct Cast {
    pub(crate) server: TestServer,
    pub(crate) room: String,
    /// Made the room.
    pub(crate) alice: User,
    /// Is in it.
    pub(crate) bob: User,
    /// Never was.
    pub(crate) stranger: User,
    /// Left.
    pub(crate) former: User,
    /// Was in it, until banned.
    pub(crate) banned: User,
    /// Has a token that is no longer good.
    pub(crate) logged_out: User,
}

impl Cast {
    pub(crate) async fn new() -> Self {
        let server = TestServer::new();
        let mut users = Vec::new();
        for name in ["alice", "bob", "stranger", "former", "banned", "gone"] {
            users.push(server.register(name).await);
        }
        let [alice, bob, stranger, former, banned, logged_out] = <[User; 6]>::try_from(users).unwrap();
        let invite = [&bob, &former, &banned].map(|user| user.id.as_str());
        let room = server.create_room(&alice, json!({ "invite": invite, "name": "Then" })).await;
        for user in [&bob, &former, &banned] {
            server.act(user, &room, "join", json!({})).await;
        }
        server.act(&former, &room, "leave", json!({})).await;
        server.act(&alice, &room, "ban", json!({ "user_id": banned.id })).await;
        server.set_state(&alice, &room, "m.room.name", json!({ "name": "Now" })).await;
        let (status, _) = server.post(&format!("{CLIENT}/logout"), Some(&logged_out), json!({})).await;
        assert_eq!(status, 200);
        Self { server, room, alice, bob, stranger, former, banned, logged_out }
    }

    /// Asks as everyone who is not in the room: a stranger, a former member, a banned user; and as who has no
    /// token, or one that is no longer good.
    pub(crate) async fn refuses(&self, method: Method, path: &str, body: Value, wanted: [Outcome; 3]) {
        let [stranger, former, banned] = wanted;
        let askers = [
            ("nobody", None, (401, "M_MISSING_TOKEN")),
            ("logged out", Some(&self.logged_out), (401, "M_UNKNOWN_TOKEN")),
            ("stranger", Some(&self.stranger), stranger),
            ("former", Some(&self.former), former),
            ("banned", Some(&self.banned), banned),
        ];
        let path = path.replace("{room}", &self.room);
        for (name, who, wanted) in askers {
            let body = if method == Method::GET { Body::empty() } else { Body::from(body.to_string()) };
            let answer = self.server.ask(method.clone(), &path, who, body).await;
            assert_eq!(error(&answer), wanted, "{name}: {method} {path}: {}", answer.1);
        }
    }
}
