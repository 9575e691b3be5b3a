//! An application service in the benchmark's own process, which notes what it is told.

use std::{
    collections::HashMap,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{Json, Router, extract::DefaultBodyLimit, routing::put};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};

use super::common::client::{Client, User};

/// One service. It listens from when it is told to.
pub struct Service {
    id: String,
    pub registration: PathBuf,
    listener: Option<TcpListener>,
    told: Arc<Mutex<Told>>,
}

/// What a service was told: messages have a number, which counts those of their room.
#[derive(Clone, Default)]
pub struct Told {
    pub transactions: usize,
    pub messages: usize,
    /// Messages whose number was not the one after the last of their room.
    pub out_of_order: usize,
    next: HashMap<String, u64>,
}

impl Service {
    /// Writes its registration. It is told of the rooms in which its own users are, or of all.
    pub fn register(folder: &Path, id: String, all_rooms: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let rooms = if all_rooms { vec![json!({ "regex": "!.*", "exclusive": false })] } else { Vec::new() };
        let registration = json!({
            "id": id,
            "url": format!("http://{}", listener.local_addr().unwrap()),
            "as_token": format!("as_{id}"),
            "hs_token": format!("hs_{id}"),
            "sender_localpart": format!("{id}_bot"),
            "rate_limited": false,
            "namespaces": {
                "users": [{ "regex": format!("@{id}_.*"), "exclusive": true }],
                "rooms": rooms,
            },
        });
        let file = folder.join(format!("{id}.yaml"));
        // JSON is YAML too.
        std::fs::write(&file, registration.to_string()).unwrap();
        Self { id, registration: file, listener: Some(listener), told: Arc::default() }
    }

    /// Begins to take what it is told.
    pub fn start(&mut self) {
        let told = self.told.clone();
        let take = move |Json(body): Json<Value>| {
            told.lock().take(&body);
            std::future::ready(Json(json!({})))
        };
        let ping = axum::routing::post(|| std::future::ready(Json(json!({}))));
        let app = Router::new()
            .route("/_matrix/app/v1/transactions/{id}", put(take))
            .route("/_matrix/app/v1/ping", ping)
            .layer(DefaultBodyLimit::disable());
        let listener = self.listener.take().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    }

    /// Tells the server that it is there.
    pub async fn ping(&self, server: &Client) {
        let path = format!("/_matrix/client/v1/appservice/{}/ping", self.id);
        server.ok(Method::POST, &path, Some(&self.bot()), Some(json!({}))).await;
    }

    /// Its bot, who is there when it is: who asks with its token.
    pub fn bot(&self) -> User {
        User { id: format!("@{}_bot:localhost", self.id), token: format!("as_{}", self.id) }
    }

    pub fn told(&self) -> Told {
        self.told.lock().clone()
    }
}

impl Told {
    fn take(&mut self, body: &Value) {
        self.transactions += 1;
        for event in body["events"].as_array().unwrap() {
            let Some(number) = event["content"]["number"].as_u64() else { continue };
            let next = self.next.entry(event["room_id"].as_str().unwrap().to_owned()).or_default();
            self.out_of_order += usize::from(number != *next);
            *next = number + 1;
            self.messages += 1;
        }
    }
}
