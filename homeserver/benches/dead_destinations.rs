//! What a message costs in a room of many servers that do not answer, beside a room in which as many users are of
//! one such server, and how long it takes to a server that does:
//!
//!     cargo bench -p hearth --bench dead_destinations -- --servers 1000
//!
//! Some refuse connections, which is known at once; others say nothing, and each try takes as long as is waited.
//! Messages are sent one after the other. Processor time is of both servers and their clients. After the servers
//! were tried for a while, messages are sent to the two rooms in turns, so that neither has the machine's better
//! minutes.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

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

/// How often each of two rooms has its turn.
const TURNS: usize = 10;

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
        transactions: Cell::new(0),
    };
    println!("{:12}{:>16}{:>22}{:>22}{:>22}", "", "acknowledged", "processor time", "delay p50", "delay p99");
    // The listener stays, and nobody accepts what comes; another is gone at once.
    let silent = listener();
    let refusing = port(&listener());
    for (what, port) in [("refuse", refusing), ("say nothing", port(&silent))] {
        let rooms = [1, servers].map(|count| strangers::at(port, count));
        let [one, many] =
            [pair.room_with(&rooms[0], servers).await, pair.room_with(&rooms[1], servers).await];
        let [with_one, with_many] = [pair.talk(&one, messages).await, pair.talk(&many, messages).await];
        println!("the first messages to those that {what}");
        with_one.print("one", &with_one);
        with_many.print(&servers.to_string(), &with_one);
        tokio::time::sleep(Duration::from_secs(settle)).await;
        let [mut with_one, mut with_many] = [Figures::default(), Figures::default()];
        for _ in 0..TURNS {
            with_one.add(pair.talk(&one, messages / TURNS).await);
            with_many.add(pair.talk(&many, messages / TURNS).await);
        }
        println!("after {settle} s");
        with_one.print("one", &with_one);
        with_many.print(&servers.to_string(), &with_one);
    }
}

/// Alice on one server talks to Bob on the other.
struct Pair {
    here: Host,
    there: Host,
    alice: User,
    bob: User,
    transactions: Cell<u64>,
}

/// What came of some messages.
#[derive(Default)]
struct Figures {
    acknowledged: Duration,
    processor: Duration,
    delays: Vec<Duration>,
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

    /// A room in which so many users of strangers are as well, of each in turn, as both servers see it.
    async fn room_with(&self, strangers: &[strangers::Stranger], users: usize) -> OwnedRoomId {
        let room = self.shared_room().await;
        let [here, there] = [&self.here, &self.there].map(|host| host.server.rooms.room(&room).unwrap());
        let joins = strangers::joins(&here, strangers, users);
        strangers::come_in(&here, joins.clone()).await;
        strangers::come_in(&there, joins).await;
        room
    }

    /// So many messages, one after the other, until Bob has the last.
    async fn talk(&self, room: &RoomId, messages: usize) -> Figures {
        let since = self.sync("").await;
        let (processor, begun) = (processor_time(), Instant::now());
        let ((sent, end), arrived) =
            tokio::join!(self.send(room, messages), self.receive(room, messages, since));
        let delays = arrived.iter().zip(&sent).map(|(arrived, sent)| *arrived - *sent).collect();
        Figures { acknowledged: end - begun, processor: processor_time() - processor, delays }
    }

    /// When each message was sent, and when the last was acknowledged.
    async fn send(&self, room: &RoomId, messages: usize) -> (Vec<Instant>, Instant) {
        let mut sent = Vec::with_capacity(messages);
        for number in 0..messages {
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
    async fn receive(&self, room: &RoomId, messages: usize, mut since: Value) -> Vec<Instant> {
        let mut arrived = Vec::with_capacity(messages);
        while arrived.len() < messages {
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
    fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.processor += other.processor;
        self.delays.extend(other.delays);
    }

    /// In milliseconds: what a message costs on average until it is acknowledged and of the processors, and the
    /// half and the hundredth part of the delays that are longest.
    fn each(&self) -> [f64; 4] {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        let part = |percent: usize| ms(delays[delays.len() * percent / 100]);
        let messages = delays.len() as f64;
        [ms(self.acknowledged) / messages, ms(self.processor) / messages, part(50), part(99)]
    }

    /// One row of the table, with the ratios to another.
    fn print(&self, name: &str, to: &Self) {
        print!("{name:>12}");
        for (figure, to) in self.each().into_iter().zip(to.each()) {
            print!("{figure:>13.2} ms ×{:<5.2}", figure / to);
        }
        println!();
    }
}
