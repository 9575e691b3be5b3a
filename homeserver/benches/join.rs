//! What it takes to join a large room of another server, from the client's request until all its members are there:
//!
//!     cargo bench -p hearth --bench join -- --members 20000
//!
//! The members are of a few other servers, whose keys the joining one has to fetch. Each pass is a server that has
//! nothing yet. Processor seconds are of both servers and the client.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[allow(dead_code)]
mod hosts;

use std::time::Instant;

use clap::Parser;
use hosts::{Certificate, Host, client::User, processor_time, strangers};
use reqwest::Method;
use ruma::RoomId;
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    /// Members of the room
    #[arg(long, default_value_t = 20_000)]
    members: usize,
    /// How often it is joined, each time by another server
    #[arg(long, default_value_t = 3)]
    passes: usize,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let Arguments { members, passes, .. } = Arguments::parse();
    let certificate = Certificate::new().await;
    let resident = Host::start(&certificate).await;
    let creator = resident.client.register("creator").await;
    let body = json!({ "preset": "public_chat", "name": "A large room" });
    let made =
        resident.client.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(&creator), Some(body)).await;
    let id = <&RoomId>::try_from(made["room_id"].as_str().unwrap()).unwrap();
    let room = resident.server.rooms.room(id).unwrap();
    let joins = strangers::joins(&room, &strangers::serve(&certificate), members - 1);
    strangers::come_in(&room, joins).await;
    println!("{members} members of {} servers:", strangers::GIVING_KEYS + 1);
    // They stay to the end, as each has a user in the room.
    let mut hosts = Vec::new();
    for _ in 0..passes {
        hosts.push(Host::start(&certificate).await);
        join(&resident, id, &hosts[hosts.len() - 1]).await;
    }
}

/// A user of a new server joins.
async fn join(resident: &Host, room: &RoomId, host: &Host) {
    let user = host.client.register("newcomer").await;
    let mut synced = sync(host, &user, "").await;
    let (answered, processor, begun) = (resident.answered(), processor_time(), Instant::now());

    let path = format!("/_matrix/client/v3/join/{room}?via={}", resident.name());
    host.client.ok(Method::POST, &path, Some(&user), Some(json!({}))).await;
    let joined = begun.elapsed().as_secs_f64();
    while !synced["rooms"]["join"][room.as_str()].is_object() {
        let since = synced["next_batch"].as_str().unwrap();
        synced = sync(host, &user, &format!("&timeout=30000&since={since}")).await;
    }
    let in_sync = begun.elapsed().as_secs_f64();

    let [here, there] = [host, resident].map(|host| host.server.rooms.room(room).unwrap());
    here.when_whole().await;
    let (whole, processor) = (begun.elapsed().as_secs_f64(), (processor_time() - processor).as_secs_f64());
    assert_eq!(here.head().joined, there.head().joined, "members are missing");
    let signatures = here.full_state(here.head().state).unwrap().len() as f64;
    println!(
        "joined in {joined:.2} s, in /sync after {in_sync:.2} s, with all members after {whole:.2} s; {:.1} MB came; \
         {:.0} signatures a second; {processor:.2} processor seconds (×{:.2})",
        (resident.answered() - answered) as f64 / 1e6,
        signatures / whole,
        processor / whole,
    );
}

async fn sync(host: &Host, user: &User, query: &str) -> Value {
    // As clients do, which ask for the members that they show.
    const FILTER: &str = r#"{"room":{"state":{"lazy_load_members":true}}}"#;
    host.client
        .ok(Method::GET, &format!("/_matrix/client/v3/sync?filter={FILTER}{query}"), Some(user), None)
        .await
}
