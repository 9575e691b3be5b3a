//! Each notification arrives, in order, and none twice beyond what a kill allows: a gateway fails a third of the time and
//! is begun anew, and the server is killed twice, while clients send.
//!
//! `PUSH_EVENTS=100000 PUSH_PUSHERS=1000 cargo test -p hearth --test pushes -- --nocapture` measures it at length.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use common::{
    Process,
    client::{Client, User},
};
use futures::future::join_all;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

const SENDERS: usize = 16;
const KILLS: usize = 2;
/// In how many rooms each pusher's user is.
const ROOMS_EACH: usize = 2;
/// How long a sender waits after each event: the machine is to have something left for the rest.
const PACE: Duration = Duration::from_millis(25);
/// For so long nothing may come that is still to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A push gateway on loopback that fails a third of the time.
#[derive(Clone)]
struct Gateway {
    address: SocketAddr,
    came: Arc<Mutex<Came>>,
}

struct Came {
    chance: ChaCha8Rng,
    refused: usize,
    /// The events that were told, with the pushkey they were for, and when.
    told: Vec<(String, String, Instant)>,
}

impl Gateway {
    async fn start() -> (Self, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let came = Came { chance: ChaCha8Rng::seed_from_u64(3), refused: 0, told: Vec::new() };
        let gateway = Self { address: listener.local_addr().unwrap(), came: Arc::new(Mutex::new(came)) };
        let serving = gateway.serve(listener);
        (gateway, serving)
    }

    async fn start_again(&self) -> JoinHandle<()> {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.serve(socket.listen(1024).unwrap())
    }

    fn serve(&self, listener: TcpListener) -> JoinHandle<()> {
        let router = Router::new().route("/_matrix/push/v1/notify", post(notified)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
    }

    fn told(&self) -> usize {
        self.came.lock().unwrap().told.len()
    }
}

async fn notified(
    State(gateway): State<Gateway>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let mut came = gateway.came.lock().unwrap();
    if came.chance.random_range(0..3) == 0 {
        came.refused += 1;
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let notification = &body["notification"];
    if let Some(event) = notification["event_id"].as_str() {
        let pushkey = notification["devices"][0]["pushkey"].as_str().unwrap().to_owned();
        came.told.push((event.to_owned(), pushkey, Instant::now()));
    }
    Ok(Json(json!({ "rejected": [] })))
}

/// An event that the server said it has.
struct Sent {
    id: String,
    room: usize,
    at: Instant,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_notification_arrives_once_and_in_order() {
    let (events, pushers) = (from_env("PUSH_EVENTS", 1_000), from_env("PUSH_PUSHERS", 50));
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start_in_private_network(folder.path().join("data")).await;
    let (gateway, mut serving) = Gateway::start().await;

    let senders = join_all((0..SENDERS).map(async |n| server.register(&format!("sender{n}")).await)).await;
    let mut rooms = Vec::new();
    for n in 0..pushers * ROOMS_EACH {
        let body = json!({ "preset": "public_chat" });
        let sender = Some(&senders[n % SENDERS]);
        let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", sender, Some(body)).await;
        rooms.push(made["room_id"].as_str().unwrap().to_owned());
    }
    for n in 0..pushers {
        let user = server.register(&format!("reader{n}")).await;
        for room in 0..ROOMS_EACH {
            let path = format!("/_matrix/client/v3/join/{}", rooms[n + room * pushers]);
            server.ok(Method::POST, &path, Some(&user), Some(json!({}))).await;
        }
        let pusher = json!({
            "app_id": "org.example", "pushkey": n.to_string(), "kind": "http", "app_display_name": "App",
            "device_display_name": "phone", "lang": "en",
            "data": {
                "url": format!("http://{}/_matrix/push/v1/notify", gateway.address),
                "format": "event_id_only",
            },
        });
        server.ok(Method::POST, "/_matrix/client/v3/pushers/set", Some(&user), Some(pusher)).await;
    }
    println!("{pushers} pushers, {} rooms, {events} events", rooms.len());

    let begun = Instant::now();
    let (rooms, sent) = (Arc::new(rooms), Arc::new(Mutex::new(Vec::new())));
    let sending: Vec<_> = senders
        .iter()
        .enumerate()
        .map(|(n, sender)| {
            let client = Client::of_port(server.address().port(), Duration::from_secs(10));
            let count = events / SENDERS + usize::from(n < events % SENDERS);
            tokio::spawn(send(client, sender.clone(), n, rooms.clone(), count, sent.clone()))
        })
        .collect();
    let sent_so_far = || sent.lock().unwrap().len();
    for kill in 1..=KILLS {
        while sent_so_far() < events * kill / (KILLS + 1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.kill();
        server.start_again().await;
        if kill == 1 {
            serving.abort();
            tokio::time::sleep(Duration::from_secs(1)).await;
            serving = gateway.start_again().await;
        }
    }
    for sending in sending {
        sending.await.unwrap();
    }
    println!("all sent after {:?}", begun.elapsed());
    let (mut told, mut since) = (0, Instant::now());
    while distinct(&gateway) < events {
        if gateway.told() > told {
            (told, since) = (gateway.told(), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "{} of {events} arrived", distinct(&gateway));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("all told after {:?}", begun.elapsed());
    judge(&gateway, &sent.lock().unwrap(), pushers);
    serving.abort();
}

/// How many different events were told.
fn distinct(gateway: &Gateway) -> usize {
    let came = gateway.came.lock().unwrap();
    came.told.iter().map(|(event, ..)| event).collect::<std::collections::HashSet<_>>().len()
}

/// Sends into the rooms of a sender in turn, each event until it is acknowledged.
async fn send(
    client: Client,
    sender: User,
    first: usize,
    rooms: Arc<Vec<String>>,
    count: usize,
    sent: Arc<Mutex<Vec<Sent>>>,
) {
    let own: Vec<usize> = (first..rooms.len()).step_by(SENDERS).collect();
    for n in 0..count {
        let room = own[n % own.len()];
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{n}", rooms[room]);
        let body = json!({ "msgtype": "m.text", "body": format!("message {n}") });
        let id = loop {
            let request = client.http.put(client.url(&path)).bearer_auth(&sender.token).json(&body);
            match request.send().await {
                Ok(answer) if answer.status() == 200 => {
                    let answer: Value = answer.json().await.unwrap();
                    break answer["event_id"].as_str().unwrap().to_owned();
                }
                // It is being killed.
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        sent.lock().unwrap().push(Sent { id, room, at: Instant::now() });
        tokio::time::sleep(PACE).await;
    }
}

fn judge(gateway: &Gateway, sent: &[Sent], pushers: usize) {
    let came = gateway.came.lock().unwrap();
    let by_id: HashMap<&str, &Sent> = sent.iter().map(|event| (&*event.id, event)).collect();
    assert_eq!(by_id.len(), sent.len());
    let mut told: HashMap<usize, Vec<&str>> = HashMap::new();
    let mut delays = Vec::new();
    for (event, pushkey, at) in &came.told {
        let event = by_id[&**event];
        assert_eq!(event.room % pushers, pushkey.parse::<usize>().unwrap(), "it is for somebody else");
        let in_room = told.entry(event.room).or_default();
        if in_room.last() != Some(&&*event.id) {
            in_room.push(&event.id);
            delays.push(at.saturating_duration_since(event.at));
        }
    }
    let mut expected: HashMap<usize, Vec<&str>> = HashMap::new();
    for event in sent {
        expected.entry(event.room).or_default().push(&event.id);
    }
    assert!(told == expected, "each once, and in order");
    let twice = came.told.len() - sent.len();
    delays.sort_unstable();
    let share = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    println!(
        "{} told, {} refused, {twice} twice; delay p50 {:?}, p90 {:?}, p99 {:?}, most {:?}",
        came.told.len(),
        came.refused,
        share(50),
        share(90),
        share(99),
        share(100),
    );
    // Those that were on their way when the server was killed, or the gateway stopped.
    assert!(twice <= 64 * (KILLS + 1), "{twice} were told twice");
}

fn from_env(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}
