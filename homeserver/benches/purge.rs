//! A room is purged and half of the media are deleted while users go on:
//!
//!     cargo bench -p hearth --bench purge -- --events 200000 --files 10000
//!
//! What lies on the disk before and after, and how long a message takes before and meanwhile.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod process;

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use clap::Parser;
use common::{Process, client::User};
use futures::future::join_all;
use hearth_storage::{Random as _, SystemRandom};
use process::disk_mib;
use reqwest::Method;
use serde_json::json;

#[derive(Parser)]
struct Arguments {
    /// Events of the room that is purged
    #[arg(long, default_value_t = 200_000)]
    events: usize,
    /// Media of which each second one is deleted
    #[arg(long, default_value_t = 10_000)]
    files: usize,
    /// KiB of each that is deleted; the others are a little smaller
    #[arg(long, default_value_t = 32)]
    file: usize,
    /// Users who send
    #[arg(long, default_value_t = 16)]
    senders: usize,
    /// Seconds in which they send before
    #[arg(long, default_value_t = 30)]
    before: u64,
    /// Seconds after which the disk is not waited for any more
    #[arg(long, default_value_t = 300)]
    patience: u64,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Process::start(data.clone()).await;
    let root = server.register("root").await;
    let promoted = Command::new(env!("CARGO_BIN_EXE_hearth"))
        .args(["admin", "users", "promote", &root.id])
        .env("HEARTH_SERVER_NAME", "localhost")
        .env("HEARTH_DATA", &data)
        .output()
        .unwrap();
    assert!(promoted.status.success(), "{promoted:?}");
    let mut senders = Vec::new();
    for number in 0..arguments.senders {
        senders.push(server.register(&format!("user{number}")).await);
    }
    let large = room(&server, &root, &senders).await;
    let other = room(&server, &root, &senders).await;
    let bench =
        Bench { server, data, root, senders, sent: AtomicUsize::new(0), stop: AtomicBool::new(false) };
    bench.fill(&large, arguments.events).await;
    bench.upload(arguments.files, arguments.file << 10).await;

    let quiet = bench.talk_for(&other, Duration::from_secs(arguments.before)).await;
    print("before", &quiet);
    let (database, media) = bench.disk();
    let meanwhile = async {
        let times = bench.purge(&large, arguments.file << 10).await;
        bench.settle(database, media, Duration::from_secs(arguments.patience)).await;
        bench.stop.store(true, Relaxed);
        times
    };
    let ((purged, deleted), delays) = tokio::join!(meanwhile, bench.talk(&other));
    print("meanwhile", &delays);
    let (database_after, media_after) = bench.disk();
    println!("history purged in {purged:.1?}; database {database} MiB before, {database_after} after");
    println!("media deleted in {deleted:.1?}; {media} MiB before, {media_after} after");
}

/// A room in which all are.
async fn room(server: &Process, creator: &User, members: &[User]) -> String {
    let body = json!({ "preset": "public_chat" });
    let made = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(creator), Some(body)).await;
    let room = made["room_id"].as_str().unwrap().to_owned();
    for user in members {
        server
            .ok(Method::POST, &format!("/_matrix/client/v3/join/{room}"), Some(user), Some(json!({})))
            .await;
    }
    room
}

/// Bytes that nothing makes smaller.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemRandom.fill(&mut bytes);
    bytes
}

fn print(when: &str, delays: &[Duration]) {
    let mut delays = delays.to_vec();
    delays.sort_unstable();
    let part = |percent: usize| delays[delays.len() * percent / 100];
    println!("{when:12}{} messages, p50 {:.2?}, p99 {:.2?}", delays.len(), part(50), part(99));
}

/// Does something so many times, each user one after the other.
async fn times_by_all(users: &[User], times: usize, act: impl AsyncFn(&User, usize)) {
    let next = AtomicUsize::new(0);
    join_all(users.iter().map(async |user| {
        loop {
            match next.fetch_add(1, Relaxed) {
                number if number < times => act(user, number).await,
                _ => break,
            }
        }
    }))
    .await;
}

struct Bench {
    server: Process,
    data: PathBuf,
    root: User,
    senders: Vec<User>,
    sent: AtomicUsize,
    stop: AtomicBool,
}

impl Bench {
    async fn fill(&self, room: &str, events: usize) {
        times_by_all(&self.senders, events, async |sender, _| self.send(sender, room).await).await;
    }

    async fn send(&self, sender: &User, room: &str) {
        let number = self.sent.fetch_add(1, Relaxed);
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
        let text: String = random(150).iter().map(|byte| format!("{byte:02x}")).collect();
        let body = json!({ "msgtype": "m.text", "body": text });
        self.server.ok(Method::PUT, &path, Some(sender), Some(body)).await;
    }

    /// Each second one is of the size, the others are smaller.
    async fn upload(&self, files: usize, size: usize) {
        times_by_all(&self.senders, files, async |sender, number| {
            let bytes = Bytes::from(random(size - 1024 * (number % 2)));
            let url = self.server.url("/_matrix/media/v3/upload");
            let sent =
                self.server.http.post(url).bearer_auth(&sender.token).body(bytes).send().await.unwrap();
            assert_eq!(sent.status(), 200);
        })
        .await;
    }

    /// MiB of the database and of media.
    fn disk(&self) -> (u64, u64) {
        let media = disk_mib(&self.data.join("media"));
        (disk_mib(&self.data) - media, media)
    }

    async fn talk_for(&self, room: &str, time: Duration) -> Vec<Duration> {
        let end = async {
            tokio::time::sleep(time).await;
            self.stop.store(true, Relaxed);
        };
        let ((), delays) = tokio::join!(end, self.talk(room));
        self.stop.store(false, Relaxed);
        delays
    }

    /// Messages of all until it is over; how long each took.
    async fn talk(&self, room: &str) -> Vec<Duration> {
        let delays = join_all(self.senders.iter().map(async |sender| {
            let mut delays = Vec::new();
            while !self.stop.load(Relaxed) {
                let begun = Instant::now();
                self.send(sender, room).await;
                delays.push(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            delays
        }))
        .await;
        delays.concat()
    }

    /// Both at once; how long each took.
    async fn purge(&self, room: &str, larger_than: usize) -> (Duration, Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let history = async {
            let begun = Instant::now();
            let body = json!({ "delete_local_events": true, "purge_up_to_ts": now });
            let path = format!("/_synapse/admin/v1/purge_history/{room}");
            let answer = self.server.ok(Method::POST, &path, Some(&self.root), Some(body)).await;
            let path =
                format!("/_synapse/admin/v1/purge_history_status/{}", answer["purge_id"].as_str().unwrap());
            while self.server.ok(Method::GET, &path, Some(&self.root), None).await["status"] != "complete" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            begun.elapsed()
        };
        let media = async {
            let begun = Instant::now();
            let path =
                format!("/_synapse/admin/v1/media/delete?before_ts={now}&size_gt={}", larger_than - 512);
            self.server.ok(Method::POST, &path, Some(&self.root), None).await;
            begun.elapsed()
        };
        tokio::join!(history, media)
    }

    /// The disk gets what was purged back in the background.
    async fn settle(&self, database: u64, media: u64, patience: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let (now, media_now) = self.disk();
            if now * 2 < database && media_now * 5 < media * 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
