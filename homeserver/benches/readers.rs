//! How long a message takes while thousands read and mark its room, beside the same room read by nobody:
//!
//!     cargo bench -p hearth --bench readers -- --readers 2000
//!
//! Sixteen senders fill the room, each sending again when its message is acknowledged and a pause is over. Each reader
//! knows the room from before, asks from time to time for what is new, as clients do with members left out that say
//! nothing, and marks the newest as read. The two cases take turns, so that neither has the machine's better minutes.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use common::{Process, client::User};
use futures::{StreamExt as _, future::join_all, stream};
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    /// Users who read
    #[arg(long, default_value_t = 2_000)]
    readers: usize,
    /// Users who send
    #[arg(long, default_value_t = 16)]
    senders: usize,
    /// Milliseconds between a message's acknowledgement and the next one of its sender
    #[arg(long, default_value_t = 50)]
    pause: u64,
    /// Seconds in which each reader reads once
    #[arg(long, default_value_t = 20)]
    every: u64,
    /// Seconds of each turn
    #[arg(long, default_value_t = 20)]
    turn: u64,
    /// Turns of each case
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path().join("data")).await;
    let made = server.register("maker").await;
    let body = json!({ "preset": "public_chat" });
    let room = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&made), Some(body)).await;
    let room = room["room_id"].as_str().unwrap().to_owned();
    let members = arguments.senders + arguments.readers;
    let users: Vec<User> = stream::iter(0..members)
        .map(|number| {
            let (server, room) = (&server, &room);
            async move {
                let user = server.register(&format!("user{number}")).await;
                let path = format!("/_matrix/client/v3/join/{room}");
                server.ok(Method::POST, &path, Some(&user), Some(json!({}))).await;
                user
            }
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let (senders, readers) = users.split_at(arguments.senders);
    let mut readers: Vec<Reader<'_>> = stream::iter(readers)
        .map(|user| async {
            let mut reader = Reader { user, since: String::new() };
            reader.sync(&server).await;
            reader
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let bench = Bench { server: &server, room: &room, sent: AtomicU64::new(0), arguments: &arguments };
    let (mut alone, mut read) = (Figures::default(), Figures::default());
    for _ in 0..arguments.turns {
        alone.add(bench.turn(senders, &mut []).await);
        read.add(bench.turn(senders, &mut readers).await);
    }
    println!("{:24}{:>12}{:>12}{:>12}{:>12}{:>12}", "", "sent", "p50", "p99", "reads", "marks");
    alone.print("read by nobody", &alone);
    read.print(&format!("read by {}", readers.len()), &alone);
}

struct Bench<'a> {
    server: &'a Process,
    room: &'a str,
    sent: AtomicU64,
    arguments: &'a Arguments,
}

/// Who reads the room.
struct Reader<'a> {
    user: &'a User,
    /// How far it has read, as a part of a query.
    since: String,
}

impl Reader<'_> {
    /// What is new since it last asked.
    async fn sync(&mut self, server: &Process) -> Value {
        let filter = "%7B%22room%22%3A%7B%22state%22%3A%7B%22lazy_load_members%22%3Atrue%7D%7D%7D";
        let path =
            format!("/_matrix/client/v3/sync?set_presence=offline&timeout=0&filter={filter}{}", self.since);
        let answer = server.ok(Method::GET, &path, Some(self.user), None).await;
        self.since = format!("&since={}", answer["next_batch"].as_str().unwrap());
        answer
    }
}

/// What came of some seconds.
#[derive(Default)]
struct Figures {
    delays: Vec<Duration>,
    reads: usize,
    marks: usize,
}

impl Bench<'_> {
    async fn turn(&self, senders: &[User], readers: &mut [Reader<'_>]) -> Figures {
        let over = Arc::new(AtomicBool::new(false));
        let end = async {
            tokio::time::sleep(Duration::from_secs(self.arguments.turn)).await;
            over.store(true, Relaxed);
        };
        let sending = join_all(senders.iter().map(|sender| self.send(sender, &over)));
        let every = Duration::from_secs(self.arguments.every);
        let count = readers.len() as u32;
        let reading = join_all(readers.iter_mut().enumerate().map(|(number, reader)| {
            let first = every * number as u32 / count;
            self.read(reader, first, every, &over)
        }));
        let ((), sent, read) = tokio::join!(end, sending, reading);
        let mut figures = Figures { delays: sent.concat(), ..Figures::default() };
        for (reads, marks) in read {
            figures.reads += reads;
            figures.marks += marks;
        }
        figures
    }

    /// Sends until the turn is over; how long each message took. None may be refused.
    async fn send(&self, sender: &User, over: &AtomicBool) -> Vec<Duration> {
        let mut delays = Vec::new();
        while !over.load(Relaxed) {
            let number = self.sent.fetch_add(1, Relaxed);
            let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{number}", self.room);
            let body = json!({ "msgtype": "m.text", "body": format!("message {number}") });
            let begun = Instant::now();
            self.server.ok(Method::PUT, &path, Some(sender), Some(body)).await;
            delays.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(self.arguments.pause)).await;
        }
        delays
    }

    /// Reads and marks what is new until the turn is over; how often.
    async fn read(
        &self,
        reader: &mut Reader<'_>,
        first: Duration,
        every: Duration,
        over: &AtomicBool,
    ) -> (usize, usize) {
        let (mut reads, mut marks) = (0, 0);
        tokio::time::sleep(first).await;
        while !over.load(Relaxed) {
            let begun = Instant::now();
            let answer = reader.sync(self.server).await;
            reads += 1;
            if let Some(event) = newest(&answer, self.room) {
                let path = format!("/_matrix/client/v3/rooms/{}/read_markers", self.room);
                let body = json!({ "m.fully_read": event, "m.read": event });
                self.server.ok(Method::POST, &path, Some(reader.user), Some(body)).await;
                marks += 1;
            }
            tokio::time::sleep(every.saturating_sub(begun.elapsed())).await;
        }
        (reads, marks)
    }
}

fn newest<'a>(answer: &'a Value, room: &str) -> Option<&'a str> {
    answer["rooms"]["join"][room]["timeline"]["events"].as_array()?.last()?["event_id"].as_str()
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.delays.extend(other.delays);
        self.reads += other.reads;
        self.marks += other.marks;
    }

    fn part(&self, percent: usize) -> f64 {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays[delays.len() * percent / 100].as_secs_f64() * 1e3
    }

    /// One row of the table, with the ratios to another.
    fn print(&self, name: &str, to: &Self) {
        print!("{name:24}{:>12}", self.delays.len());
        for percent in [50, 99] {
            print!("{:>9.2} ms", self.part(percent));
        }
        println!(
            "{:>12}{:>12}  p50 ×{:.2}, p99 ×{:.2}",
            self.reads,
            self.marks,
            self.part(50) / to.part(50),
            self.part(99) / to.part(99)
        );
    }
}
