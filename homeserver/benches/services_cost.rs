//! What a message costs more where application services want all rooms:
//!
//!     cargo bench -p hearth --bench services_cost -- --services 10
//!
//! Two servers, one with services and one without, take turns, so that neither has the machine's better minutes: once
//! with senders who pause between messages, and once with senders who do not. Before a turn is over, the services have
//! all of it.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod service;

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use clap::Parser;
use common::{Process, client::User};
use futures::future::join_all;
use process::processor_time;
use reqwest::Method;
use serde_json::json;
use service::Service;

#[derive(Parser)]
struct Arguments {
    /// Application services that want all rooms
    #[arg(long, default_value_t = 10)]
    services: usize,
    /// Users who send, in five rooms
    #[arg(long, default_value_t = 16)]
    senders: usize,
    /// Milliseconds between messages of one sender, where they pause
    #[arg(long, default_value_t = 50)]
    pause: u64,
    /// Seconds of each turn
    #[arg(long, default_value_t = 15)]
    turn: u64,
    /// Turns of each server
    #[arg(long, default_value_t = 4)]
    turns: usize,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

const ROOMS: usize = 5;

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let turn = Duration::from_secs(arguments.turn);
    let folder = tempfile::tempdir().unwrap();
    let alone = Side::start(folder.path(), "alone", 0, arguments.senders).await;
    let served = Side::start(folder.path(), "served", arguments.services, arguments.senders).await;
    println!("{:40}{:>12}{:>12}{:>12}{:>16}", "", "messages/s", "p50", "p99", "processor");
    for (name, pause) in [("with pauses", arguments.pause), ("as fast as can be", 0)] {
        let pause = Duration::from_millis(pause);
        let (mut without, mut with) = (Figures::default(), Figures::default());
        for _ in 0..arguments.turns {
            without.add(alone.turn(turn, pause).await);
            with.add(served.turn(turn, pause).await);
        }
        without.print(&format!("{name}, no services"), &without);
        with.print(&format!("{name}, {} services", arguments.services), &without);
    }
}

/// A server with its services and who sends there.
struct Side {
    server: Process,
    services: Vec<Service>,
    senders: Vec<User>,
    rooms: Vec<String>,
    sent: AtomicUsize,
}

/// What came of some turns.
#[derive(Default)]
struct Figures {
    delays: Vec<Duration>,
    sending: Duration,
    processor: Duration,
}

impl Side {
    async fn start(folder: &Path, name: &str, services: usize, senders: usize) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        let mut services: Vec<Service> = (0..services)
            .map(|number| Service::register(&folder, format!("service{number}"), true))
            .collect();
        services.iter_mut().for_each(Service::start);
        let files: Vec<&str> =
            services.iter().map(|service| service.registration.to_str().unwrap()).collect();
        let settings = vec![("HEARTH_APPSERVICES", files.join(","))];
        let server = Process::start_with_settings(folder.join("data"), settings).await;
        let mut users = Vec::new();
        for number in 0..senders {
            users.push(server.register(&format!("user{number}")).await);
        }
        let mut rooms = Vec::new();
        for _ in 0..ROOMS {
            let body = json!({ "preset": "public_chat" });
            let made =
                server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&users[0]), Some(body)).await;
            let room = made["room_id"].as_str().unwrap().to_owned();
            for user in &users[1..] {
                let path = format!("/_matrix/client/v3/join/{room}");
                server.ok(Method::POST, &path, Some(user), Some(json!({}))).await;
            }
            rooms.push(room);
        }
        Self { server, services, senders: users, rooms, sent: AtomicUsize::new(0) }
    }

    async fn turn(&self, turn: Duration, pause: Duration) -> Figures {
        let (begun, processor) = (Instant::now(), processor_time(&self.server));
        let sent = join_all(self.senders.iter().map(|sender| self.send(sender, begun + turn, pause))).await;
        let sending = begun.elapsed();
        let all = self.sent.load(Relaxed);
        while self.services.iter().any(|service| service.told().messages < all) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Figures { delays: sent.concat(), sending, processor: processor_time(&self.server) - processor }
    }

    /// Sends until the turn is over; how long each message took. None may be refused.
    async fn send(&self, sender: &User, end: Instant, pause: Duration) -> Vec<Duration> {
        let mut delays = Vec::new();
        while Instant::now() < end {
            let number = self.sent.fetch_add(1, Relaxed);
            let room = &self.rooms[number % self.rooms.len()];
            let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
            let body = json!({ "msgtype": "m.text", "body": format!("message {number}"), "number": number });
            let begun = Instant::now();
            self.server.ok(Method::PUT, &path, Some(sender), Some(body)).await;
            delays.push(begun.elapsed());
            tokio::time::sleep(pause).await;
        }
        delays
    }
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.delays.extend(other.delays);
        self.sending += other.sending;
        self.processor += other.processor;
    }

    fn a_second(&self) -> f64 {
        self.delays.len() as f64 / self.sending.as_secs_f64()
    }

    fn part_ms(&self, percent: usize) -> f64 {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays[delays.len() * percent / 100].as_secs_f64() * 1e3
    }

    fn processor_us(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.delays.len() as f64
    }

    /// One row of the table, with the ratios to another.
    fn print(&self, name: &str, to: &Self) {
        println!(
            "{name:40}{:>12.0}{:>9.2} ms{:>9.2} ms{:>13.0} µs  sent ×{:.2}, p50 ×{:.2}, p99 ×{:.2}, processor ×{:.2}",
            self.a_second(),
            self.part_ms(50),
            self.part_ms(99),
            self.processor_us(),
            self.a_second() / to.a_second(),
            self.part_ms(50) / to.part_ms(50),
            self.part_ms(99) / to.part_ms(99),
            self.processor_us() / to.processor_us(),
        );
    }
}
