//! What a message costs in a room of many servers that do not answer, beside the same room without them, and how
//! long it takes to a server that does:
//!
//!     cargo bench -p hearth --bench dead_destinations -- --servers 1000
//!
//! Some refuse connections, which is known at once; others say nothing, and each try takes as long as is waited.
//! Messages are sent one after the other. Processor time is of both servers and their clients.

#[allow(dead_code)]
mod hosts;

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use clap::Parser;
use hosts::{Certificate, Host, client::User, listener, port, processor_time, strangers};
use reqwest::Method;
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    /// Servers that do not answer
    #[arg(long, default_value_t = 1_000)]
    servers: usize,
    /// Messages of which each figure is made
    #[arg(long, default_value_t = 1_000)]
    messages: usize,
    /// Seconds between the first messages to the dead servers and the later ones
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let Arguments { servers, messages, settle, .. } = Arguments::parse();
    let certificate = Certificate::new().await;
    let here = Host::start(&certificate).await;
    let there = Host::start(&certificate).await;
    let pair = Pair {
        alice: here.client.register("alice").await,
        bob: there.client.register("bob").await,
        here,
        there,
        messages,
        transactions: Cell::new(0),
    };
    println!("{:40}{:>16}{:>20}{:>16}{:>16}", "", "acknowledged", "processor time", "delay p50", "p99");
    // The listener stays, and nobody accepts what comes; another is gone at once.
    let silent = listener();
    let refusing = port(&listener());
    for (what, port) in [("refuse", refusing), ("say nothing", port(&silent))] {
        let room = pair.shared_room().await;
        let without = pair.talk(&room).await;
        without.print("the two alone", &without);
        pair.let_in(&room, &strangers::at(port, servers)).await;
        pair.talk(&room).await.print(&format!("with {servers} that {what}, at first"), &without);
        tokio::time::sleep(Duration::from_secs(settle)).await;
        pair.talk(&room).await.print(&format!("the same after {settle} s"), &without);
    }
}

/// Alice on one server talks to Bob on the other.
struct Pair {
    here: Host,
    there: Host,
    alice: User,
    bob: User,
    messages: usize,
    transactions: Cell<u64>,
}

/// What came of some messages, of each: on average, but for the delays.
struct Figures {
    acknowledged: f64,
    processor: f64,
    p50: f64,
    p99: f64,
}

impl Pair {
    async fn shared_room(&self) -> OwnedRoomId {
        let body = Some(json!({ "preset": "public_chat" }));
        let made =
            self.here.client.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&self.alice), body).await;
        let room = made["room_id"].as_str().unwrap();
        let path = format!("/_matrix/client/v3/join/{room}?via={}", self.here.name());
        self.there.client.ok(Method::POST, &path, Some(&self.bob), Some(json!({}))).await;
        room.try_into().unwrap()
    }

    /// A user of each of the strangers joins, as both servers see it.
    async fn let_in(&self, room: &RoomId, strangers: &[strangers::Stranger]) {
        let [here, there] = [&self.here, &self.there].map(|host| host.server.rooms.room(room).unwrap());
        let joins = strangers::joins(&here, strangers, strangers.len());
        strangers::come_in(&here, joins.clone()).await;
        strangers::come_in(&there, joins).await;
    }

    /// Messages, one after the other, until Bob has the last.
    async fn talk(&self, room: &RoomId) -> Figures {
        let since = self.sync("").await;
        let (processor, begun) = (processor_time(), Instant::now());
        let ((sent, end), arrived) = tokio::join!(self.send(room), self.receive(room, since));
        let processor = processor_time() - processor;
        let mut delays: Vec<Duration> =
            arrived.iter().zip(&sent).map(|(arrived, sent)| *arrived - *sent).collect();
        delays.sort_unstable();
        let part = |percent: usize| delays[delays.len() * percent / 100].as_secs_f64() * 1e3;
        let each = |time: Duration| time.as_secs_f64() * 1e3 / self.messages as f64;
        Figures { acknowledged: each(end - begun), processor: each(processor), p50: part(50), p99: part(99) }
    }

    /// When each message was sent, and when the last was acknowledged.
    async fn send(&self, room: &RoomId) -> (Vec<Instant>, Instant) {
        let mut sent = Vec::with_capacity(self.messages);
        for number in 0..self.messages {
            sent.push(Instant::now());
            let transaction = self.transactions.get();
            self.transactions.set(transaction + 1);
            let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}");
            let body = json!({ "msgtype": "m.text", "body": "hello", "number": number });
            self.here.client.ok(Method::PUT, &path, Some(&self.alice), Some(body)).await;
        }
        (sent, Instant::now())
    }

    /// When each message was in Bob's /sync at the latest: where it left some out, it had those before.
    async fn receive(&self, room: &RoomId, mut since: Value) -> Vec<Instant> {
        let mut arrived = Vec::with_capacity(self.messages);
        while arrived.len() < self.messages {
            let since_now = since["next_batch"].as_str().unwrap().to_owned();
            since = self.sync(&format!("&timeout=30000&since={since_now}")).await;
            let now = Instant::now();
            let events = since["rooms"]["join"][room.as_str()]["timeline"]["events"].as_array();
            let numbers =
                events.into_iter().flatten().filter_map(|event| event["content"]["number"].as_u64());
            if let Some(newest) = numbers.max() {
                arrived.resize(arrived.len().max(newest as usize + 1), now);
            }
        }
        arrived
    }

    async fn sync(&self, query: &str) -> Value {
        let path = format!("/_matrix/client/v3/sync?set_presence=offline{query}");
        self.there.client.ok(Method::GET, &path, Some(&self.bob), None).await
    }
}

impl Figures {
    /// One row of the table, with the ratios to another.
    fn print(&self, name: &str, to: &Self) {
        println!(
            "{name:40}{:>7.2} ms ×{:>4.2}{:>11.2} ms ×{:>4.2}{:>13.1} ms{:>13.1} ms",
            self.acknowledged,
            self.acknowledged / to.acknowledged,
            self.processor,
            self.processor / to.processor,
            self.p50,
            self.p99,
        );
    }
}
