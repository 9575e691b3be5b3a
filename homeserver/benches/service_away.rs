//! An application service is away while much is said in its rooms, and comes back:
//!
//!     cargo bench -p hearth --bench service_away -- --events 100000
//!
//! Its bot is in every room. Whether it is told all in order, how fast, and what memory and disk the server takes.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod service;

use std::time::{Duration, Instant};

use clap::Parser;
use common::{Process, client::User};
use futures::future::join_all;
use process::{disk_mib, memory_mib};
use reqwest::Method;
use serde_json::json;
use service::Service;

#[derive(Parser)]
struct Arguments {
    /// Messages that are sent meanwhile
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Rooms in which they are sent
    #[arg(long, default_value_t = 200)]
    rooms: usize,
    /// Users who send, each in rooms of their own
    #[arg(long, default_value_t = 16)]
    senders: usize,
    /// Mebibytes that the server's log may have: what is further behind is read from indexes
    #[arg(long, default_value_t = 256)]
    log: usize,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let Arguments { events, rooms, senders, log, .. } = Arguments::parse();
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::register(folder.path(), "away".to_owned(), false);
    let registration = service.registration.to_str().unwrap().to_owned();
    let settings = vec![("HEARTH_APPSERVICES", registration), ("HEARTH_COMMIT_LOG_MIB", log.to_string())];
    let server = Process::start_with_settings(folder.path().join("data"), settings).await;
    let senders =
        join_all((0..senders).map(|number| sender(&server, &service, number, rooms / senders))).await;
    let print = |when: &str| {
        println!(
            "{when:30}{:>8} MiB resident{:>8} MiB on the disk",
            memory_mib(&server),
            disk_mib(folder.path())
        );
    };
    print("before");

    let each = events / rooms;
    let begun = Instant::now();
    join_all(senders.iter().map(|(user, rooms)| talk(&server, user, rooms, each))).await;
    let sent: usize = senders.iter().map(|(_, rooms)| rooms.len() * each).sum();
    println!("{sent} messages sent: {:.0} a second", sent as f64 / begun.elapsed().as_secs_f64());
    print("while it is away");

    service.start();
    let begun = Instant::now();
    service.ping(&server).await;
    let mut highest = 0;
    while service.told().messages < sent {
        highest = highest.max(memory_mib(&server));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = begun.elapsed();
    let told = service.told();
    println!(
        "{} messages told in {took:.1?}: {:.0} a second, in {} transactions, {} out of order or twice; {highest} MiB \
         resident at most",
        told.messages,
        told.messages as f64 / took.as_secs_f64(),
        told.transactions,
        told.out_of_order
    );
    print("after");
}

/// A user with rooms in which the service's bot is.
async fn sender(server: &Process, service: &Service, number: usize, rooms: usize) -> (User, Vec<String>) {
    let user = server.register(&format!("user{number}")).await;
    let mut made = Vec::new();
    for _ in 0..rooms {
        let body = json!({ "preset": "public_chat" });
        let answer = server.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&user), Some(body)).await;
        let room = answer["room_id"].as_str().unwrap().to_owned();
        let path = format!("/_matrix/client/v3/join/{room}");
        server.ok(Method::POST, &path, Some(&service.bot()), Some(json!({}))).await;
        made.push(room);
    }
    (user, made)
}

/// Says so much in each room, one message after the other.
async fn talk(server: &Process, user: &User, rooms: &[String], each: usize) {
    for number in 0..each {
        for room in rooms {
            let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
            let body = json!({ "msgtype": "m.text", "body": format!("message {number}"), "number": number });
            server.ok(Method::PUT, &path, Some(user), Some(body)).await;
        }
    }
}
