//! What a server with `memory_mib = 128` takes while it is made to hold as much as it lets anyone make it hold:
//!
//!     cargo bench -p hearth --bench memory
//!
//! One load after the other: what the last one left stays. After each, and at its highest, what is resident is
//! printed beside what is promised: `memory_mib`, and on top of it what SECURITY.md says of requests under way.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use common::{Process, client::User};
use futures::{StreamExt as _, future::join_all, stream};
use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

const MEMORY_MIB: u64 = 128;

/// The bodies of all users together (`client-api/src/api.rs`), and what waits to be written (`storage/src/store.rs`).
const REQUESTS_MIB: u64 = 384 + 64;

#[derive(Parser)]
struct Arguments {
    /// Users who do all that
    #[arg(long, default_value_t = 300)]
    users: usize,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let Arguments { users, .. } = Arguments::parse();
    hearth::descriptors::raise_limit();
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![("HEARTH_MEMORY_MIB", MEMORY_MIB.to_string())];
    let server = Process::start_with_settings(folder.path().join("data"), settings).await;
    let load = Load { server: &server };
    println!("{:60}{:>12}{:>12}", "", "resident", "highest");
    load.print("started");

    let users: Vec<User> =
        load.each(users, async |number| server.register(&format!("u{number}")).await).await;
    load.print(&format!("{} users", users.len()));

    let rooms = load.rooms(&users).await;
    load.print(&format!("{} rooms with 100 events of 20 KiB each", rooms.len()));

    load.each(rooms.len(), async |room| load.read(&users[room % users.len()], &rooms[room]).await).await;
    load.print("all of it read");

    load.each(users.len(), async |user| load.sync(&users[user]).await).await;
    load.print("first syncs, plain and in 16 sliding connections each");

    let waiting = join_all(users.iter().map(|user| load.wait(user)));
    let ((), _) =
        tokio::join!(async { load.print_highest("all wait in /sync, eight times each").await }, waiting);

    load.each(users.len(), async |user| load.tell_devices(&users[user], &users).await).await;
    load.print("8 MiB of messages to devices of each");

    let large = Bytes::from(json!({ "text": "x".repeat(7 << 20) }).to_string());
    let bodies = users.iter().flat_map(|user| [user; 4]).map(|user| load.put_account_data(user, &large));
    println!("  answered: {:?}", count(join_all(bodies).await));
    load.print("1,200 bodies of 7 MiB at once");

    let many = Bytes::from(json!({ "list": vec![json!({ "a": {} }); 33_000] }).to_string());
    let bodies = users.iter().flat_map(|user| [user; 4]).map(|user| load.put_account_data(user, &many));
    println!("  answered: {:?}", count(join_all(bodies).await));
    load.print("1,200 bodies of 100,000 values at once");

    let held = load.drip(2_000).await;
    load.print("2,000 connections that drip 60 KiB each");
    drop(held);

    println!(
        "promised: {MEMORY_MIB} MiB for caches and {REQUESTS_MIB} MiB for what is under way; highest ×{:.2} of it",
        load.status("VmHWM") as f64 / (MEMORY_MIB + REQUESTS_MIB) as f64
    );
}

fn count(statuses: Vec<u16>) -> std::collections::BTreeMap<u16, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

struct Load<'a> {
    server: &'a Process,
}

impl Load<'_> {
    /// A line of the process's status, in MiB.
    fn status(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() >> 10
    }

    fn print(&self, after: &str) {
        println!("{after:60}{:>8} MiB{:>8} MiB", self.status("VmRSS"), self.status("VmHWM"));
    }

    async fn print_highest(&self, during: &str) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.print(during);
    }

    async fn each<T>(&self, times: usize, act: impl AsyncFn(usize) -> T) -> Vec<T> {
        stream::iter(0..times).map(|number| act(number)).buffered(16).collect().await
    }

    /// A room of each user, in which the next ten are too.
    async fn rooms(&self, users: &[User]) -> Vec<String> {
        self.each(users.len(), async |number| {
            let (server, user) = (self.server, &users[number]);
            let body = json!({ "preset": "public_chat", "name": format!("room {number}") });
            let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(user), Some(body)).await;
            let room = made["room_id"].as_str().unwrap().to_owned();
            for next in 1..10 {
                let path = format!("/_matrix/client/v3/join/{room}");
                let user = &users[(number + next) % users.len()];
                server.ok(Method::POST, &path, Some(user), Some(json!({}))).await;
            }
            for event in 0..100 {
                let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{event}");
                let body = json!({ "msgtype": "m.text", "body": "x".repeat(20 << 10) });
                server.ok(Method::PUT, &path, Some(user), Some(body)).await;
            }
            room
        })
        .await
    }

    async fn read(&self, user: &User, room: &str) {
        let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100");
        self.server.ok(Method::GET, &path, Some(user), None).await;
    }

    async fn sync(&self, user: &User) {
        self.server.ok(Method::GET, "/_matrix/client/v3/sync?timeout=0", Some(user), None).await;
        for connection in 0..16 {
            let body = json!({ "conn_id": format!("{connection}"), "lists": { "all": {
                "ranges": [[0, 100]], "timeline_limit": 20, "required_state": [["*", "*"]],
            }}});
            self.server.ok(Method::POST, SLIDING, Some(user), Some(body)).await;
        }
    }

    async fn wait(&self, user: &User) {
        let answer = self.server.ok(Method::GET, "/_matrix/client/v3/sync?timeout=0", Some(user), None).await;
        let since = answer["next_batch"].as_str().unwrap();
        let path = format!("/_matrix/client/v3/sync?timeout=8000&since={since}");
        join_all((0..8).map(|_| self.server.call(Method::GET, &path, Some(user), None))).await;
    }

    /// Sixteen messages to every device of the next user, of half a megabyte together.
    async fn tell_devices(&self, user: &User, users: &[User]) {
        let to = &users[(users.iter().position(|other| other.id == user.id).unwrap() + 1) % users.len()];
        for transaction in 0..16 {
            let path = format!("/_matrix/client/v3/sendToDevice/m.test/{transaction}");
            let body = json!({ "messages": { to.id.clone(): { "*": { "text": "x".repeat(60 << 10) } } } });
            self.server.call(Method::PUT, &path, Some(user), Some(body)).await;
        }
    }

    async fn put_account_data(&self, user: &User, content: &Bytes) -> u16 {
        let path = format!("/_matrix/client/v3/user/{}/account_data/large", user.id);
        let request =
            self.server.http.put(self.server.url(&path)).bearer_auth(&user.token).body(content.clone());
        // A body that is refused before its end breaks its connection off.
        request.send().await.map_or(0, |answer| answer.status().as_u16())
    }

    async fn drip(&self, connections: usize) -> Vec<TcpStream> {
        let mut held = Vec::new();
        for _ in 0..connections {
            let Ok(mut stream) = TcpStream::connect(self.server.address()).await else { break };
            let head =
                "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n{\"a\":\"";
            _ = stream.write_all(head.as_bytes()).await;
            _ = stream.write_all(&[b'x'; 60 << 10]).await;
            held.push(stream);
        }
        held
    }
}

const SLIDING: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
