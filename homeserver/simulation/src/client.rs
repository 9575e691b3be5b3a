//! A user's client: what it asks, and what it knows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::Body;
use hearth_storage::schema::users::AccountKind;
use hearth_users::NewAccount;
use http::{Method, Request, StatusCode, header};
use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    host::Host,
    trace::Trace,
    view::{ByWindows, View},
};

/// How long a client waits before it asks again.
const AGAIN: Duration = Duration::from_secs(1);

/// A client with one session, which outlives its server's restarts.
pub struct Client {
    pub user: OwnedUserId,
    pub host: Arc<Host>,
    token: String,
    trace: Arc<Trace>,
    synced: Mutex<Synced>,
    slid: Mutex<ByWindows>,
    /// A connection of sliding sync has one request at a time.
    turn: tokio::sync::Mutex<()>,
    /// It was told that its position is not known.
    pub was_forgotten: AtomicBool,
}

#[derive(Default)]
struct Synced {
    since: Option<String>,
    view: View,
}

impl Client {
    /// Makes an account on a server that runs, and logs in.
    pub async fn register(name: &str, host: Arc<Host>, trace: Arc<Trace>) -> Self {
        let user = UserId::parse(format!("@{name}:{}", host.name)).expect("a user id");
        let running = host.running().expect("the server runs");
        let users = &running.server.users;
        // Without a password: it would take most of the time.
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        users.accounts.create(&user, account).await.expect("an account");
        let tokens = users.sessions.create(&user, None, None, false).await.expect("a session");
        Self {
            user,
            host,
            token: tokens.access_token,
            trace,
            synced: Mutex::default(),
            slid: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            was_forgotten: AtomicBool::new(false),
        }
    }

    /// Asks once.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<(StatusCode, Value)> {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(body)
            .expect("a request");
        let answer = self.host.ask(request).await;
        let told = match &answer {
            Some((status, body)) => match body["errcode"].as_str() {
                Some(code) => format!("{} {code} {}", status.as_u16(), body["error"]),
                None => status.as_u16().to_string(),
            },
            None => "no answer".to_owned(),
        };
        self.trace.note(format_args!("{} {method} {path}: {told}", self.user));
        answer
    }

    /// Asks until there is an answer that is neither an error of the server nor a request to come later.
    pub async fn insist(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        loop {
            match self.ask(method.clone(), path, body.clone()).await {
                Some((status, body))
                    if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS =>
                {
                    return (status, body);
                }
                _ => sleep(AGAIN).await,
            }
        }
    }

    /// Follows what happens, for ever.
    pub async fn follow(&self) {
        loop {
            if self.sync(Duration::from_secs(30)).await.is_none() {
                sleep(AGAIN).await;
            }
        }
    }

    /// The same by sliding sync, through windows that slide.
    pub async fn follow_by_windows(&self) {
        loop {
            if self.slide(Duration::from_secs(30), false).await.is_none() {
                sleep(AGAIN).await;
            }
        }
    }

    /// Asks for what is new in a window, or of all rooms. `None` if no good answer comes.
    pub async fn slide(&self, timeout: Duration, all: bool) -> Option<()> {
        let _turn = self.turn.lock().await;
        let (pos, body) = {
            let mut slid = self.slid.lock();
            (slid.pos().map(|pos| format!("&pos={pos}")).unwrap_or_default(), slid.body(all))
        };
        let path = format!(
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout={}{pos}",
            timeout.as_millis()
        );
        match self.ask(Method::POST, &path, Some(body)).await {
            Some((StatusCode::OK, response)) => {
                self.slid.lock().apply(self.user.as_str(), &response);
                Some(())
            }
            Some((_, error)) => {
                let forgotten = error["errcode"] == "M_UNKNOWN_POS";
                self.was_forgotten.fetch_or(forgotten, Relaxed);
                None
            }
            None => None,
        }
    }

    /// What this client knows by sliding sync.
    pub fn by_windows(&self) -> ByWindows {
        self.slid.lock().clone()
    }

    /// Asks for what is new. `None` if no good answer comes.
    pub async fn sync(&self, timeout: Duration) -> Option<()> {
        let since = self.synced.lock().since.clone();
        let response = self.respond(since.as_deref(), timeout).await?;
        let mut synced = self.synced.lock();
        synced.view.apply(&response);
        synced.since = response["next_batch"].as_str().map(str::to_owned);
        Some(())
    }

    async fn respond(&self, since: Option<&str>, timeout: Duration) -> Option<Value> {
        let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
        let path =
            format!("/_matrix/client/v3/sync?use_state_after=true&timeout={}{since}", timeout.as_millis());
        match self.ask(Method::GET, &path, None).await {
            Some((StatusCode::OK, response)) => Some(response),
            _ => None,
        }
    }

    /// What this client knows.
    pub fn view(&self) -> View {
        self.synced.lock().view.clone()
    }

    /// What a client sees that comes new.
    pub async fn fresh_view(&self) -> Option<View> {
        let mut view = View::default();
        view.apply(&self.respond(None, Duration::ZERO).await?);
        Some(view)
    }

    /// Sends a message; gives its id if it was acknowledged.
    pub async fn say(&self, room: &str, transaction: &str, text: &str) -> Option<String> {
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}");
        let body = json!({ "msgtype": "m.text", "body": text });
        match self.ask(Method::PUT, &path, Some(body)).await {
            Some((StatusCode::OK, answer)) => answer["event_id"].as_str().map(str::to_owned),
            _ => None,
        }
    }
}
