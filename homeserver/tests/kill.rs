//! Nothing acknowledged is lost: the server is killed at random moments while clients send.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use common::{
    Process,
    client::{Client, User},
};
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::json;

const KILLS: usize = 30;
const SENDERS: usize = 16;
const ROOMS: usize = 4;

/// An event that the server said it has: its room and id.
type Acknowledged = (String, String);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_thirty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(folder.path().join("data")).await;
    let mut users = Vec::new();
    for n in 0..SENDERS {
        users.push(server.register(&format!("sender{n}")).await);
    }
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        let body = json!({ "preset": "public_chat" });
        let made =
            server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&users[0]), Some(body)).await;
        rooms.push(made["room_id"].as_str().unwrap().to_owned());
    }
    for (n, user) in users.iter().enumerate().skip(1) {
        let path = format!("/_matrix/client/v3/join/{}", rooms[n % ROOMS]);
        server.ok(Method::POST, &path, Some(user), Some(json!({}))).await;
    }
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let transactions = Arc::new(AtomicU64::new(0));
    let mut all: Vec<Acknowledged> = Vec::new();
    for kill in 0..KILLS {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = users
            .iter()
            .enumerate()
            .map(|(n, user)| {
                let room = rooms[n % ROOMS].clone();
                let (http, url) = (server.http.clone(), server.url(""));
                let (user, stop) = (user.clone(), stop.clone());
                let (acknowledged, transactions) = (acknowledged.clone(), transactions.clone());
                tokio::spawn(async move {
                    while !stop.load(Relaxed) {
                        let n = transactions.fetch_add(1, Relaxed);
                        if let Some(event) = send(&http, &url, &user, &room, n).await {
                            acknowledged.lock().unwrap().push((room.clone(), event));
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(50..800))).await;
        server.kill();
        stop.store(true, Relaxed);
        for sender in senders {
            sender.await.unwrap();
        }
        let check = server.check();
        assert!(check.status.success(), "kill {kill}: {}", String::from_utf8_lossy(&check.stdout));
        server.start_again().await;
        let new = std::mem::take(&mut *acknowledged.lock().unwrap());
        assert_there(&server, &users, &rooms, &new).await;
        all.extend(new);
    }
    assert_there(&server, &users, &rooms, &all).await;
    println!("{} acknowledged events, {KILLS} kills, none lost", all.len());
    assert!(all.len() > KILLS, "too little was sent to show anything");
}

/// Sends a message, or now and then a state event; its id if it was acknowledged.
async fn send(http: &reqwest::Client, url: &str, user: &User, room: &str, n: u64) -> Option<String> {
    let kind = if n.is_multiple_of(10) {
        format!("state/m.room.member/{}", user.id)
    } else {
        format!("send/m.room.message/{n}")
    };
    let body = if n.is_multiple_of(10) {
        json!({ "membership": "join", "displayname": format!("name {n}") })
    } else {
        json!({ "msgtype": "m.text", "body": format!("message {n}") })
    };
    let request = http.put(format!("{url}/_matrix/client/v3/rooms/{room}/{kind}")).bearer_auth(&user.token);
    let answer = request.json(&body).send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let answer: serde_json::Value = answer.json().await.ok()?;
    answer["event_id"].as_str().map(str::to_owned)
}

async fn assert_there(client: &Client, users: &[User], rooms: &[String], events: &[Acknowledged]) {
    for (room, event) in events {
        // The first user made the rooms and is in all of them.
        assert!(rooms.contains(room));
        let path = format!("/_matrix/client/v3/rooms/{room}/event/{event}");
        let (status, body) = client.call(Method::GET, &path, Some(&users[0]), None).await;
        assert_eq!(status, 200, "acknowledged and lost: {event} in {room}: {body}");
    }
}
