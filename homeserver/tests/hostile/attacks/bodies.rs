//! Bodies that are too large, too deep, or never end.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{forgery::Forgery, peer::Reply, report::Bounds, world::World};

/// How much of a body without end the victim may take: a transaction with all that may be in it, and what is on
/// its way.
const MOST_TAKEN: usize = 24 << 20;
/// How long it may take to cut off who sent that much. Who waits for more of a body does so for longer.
const SOON: Duration = Duration::from_secs(20);
const SEND: &str = "/_matrix/federation/v1/send/large";

pub async fn all(world: &World) {
    world.attack("an event of 70,000 bytes", Bounds::QUIET, large_event).await;
    world.attack("fields longer than 255 bytes", Bounds::QUIET, long_fields).await;
    world.attack("too many prev and auth events", Bounds::QUIET, many_references).await;
    world.attack("numbers beyond 2^53, and fractions", Bounds::QUIET, odd_numbers).await;
    world.attack("a transaction of 51 events", Bounds::QUIET, many_events).await;
    world.attack("a body of a gigabyte, as it says", Bounds::QUIET, announced_body).await;
    world
        .attack("8 bodies of 5 million numbers, two at once", Bounds::QUIET.memory_mib(160), many_numbers)
        .await;
    let many = Bounds::QUIET.memory_mib(192).seconds(30);
    world.attack("64 bodies without end, at once", many, endless_bodies).await;
    world.attack("a body nested a million times", Bounds::QUIET, deep_body).await;
    world.attack("an event nested 90 times", Bounds::QUIET, deep_event).await;
    world.attack("an answer nested a million times", Bounds::QUIET.requests(4), deep_answer).await;
}

/// Sends what is no event of the room's version, which has no id: nothing is told of it.
async fn left_out(world: &World, event: Forgery) -> String {
    let answer = world.hostile.transaction(&world.victim, &[world.hostile.seal(event).json()], &[]).await;
    assert_eq!((answer.status, &answer.body["pdus"]), (200, &json!({})));
    assert!(!world.timeline(&world.room).await.contains("too much"));
    "left out: it is no event".to_owned()
}

async fn too_much(world: &World) -> Forgery {
    world.hostile.draft(&world.victim, &world.room, "m.room.message", json!({ "body": "too much" })).await
}

async fn large_event(world: &World) -> String {
    let content = json!({ "body": format!("too much {}", "a".repeat(70_000)) });
    left_out(world, too_much(world).await.with("content", content)).await
}

async fn long_fields(world: &World) -> String {
    let long = "a".repeat(256);
    left_out(world, too_much(world).await.with("type", &*long)).await;
    left_out(world, too_much(world).await.state(&long)).await
}

async fn many_references(world: &World) -> String {
    let ids: Vec<String> = (0..21).map(|number| format!("${number:0>43}")).collect();
    left_out(world, too_much(world).await.after(&ids)).await;
    left_out(world, too_much(world).await.authorised_by(&ids[..11])).await
}

async fn odd_numbers(world: &World) -> String {
    for content in [json!({ "body": "too much", "n": 1_u64 << 53 }), json!({ "body": "too much", "n": 0.5 })]
    {
        // It cannot be signed either: canonical JSON has no such numbers.
        let signed = world.hostile.seal(too_much(world).await);
        let body = json!({
            "origin": world.hostile.name, "origin_server_ts": 1,
            "pdus": [signed.with("content", content).json()],
        });
        let answer = world.hostile.call(&world.victim, Method::PUT, SEND, Some(body)).await;
        assert_eq!((answer.status, &answer.body["pdus"]), (200, &json!({})));
    }
    assert!(!world.timeline(&world.room).await.contains("too much"));
    "left out: it is no event".to_owned()
}

async fn many_events(world: &World) -> String {
    let message = world.hostile.message(&world.victim, &world.room, "too much").await.json();
    let answer = world.hostile.transaction(&world.victim, &vec![message; 51], &[]).await;
    assert_eq!(answer.error(), (413, "M_TOO_LARGE"));
    assert!(!world.timeline(&world.room).await.contains("too much"));
    "413 M_TOO_LARGE".to_owned()
}

async fn announced_body(world: &World) -> String {
    let mut connection = connect(world, "Content-Length: 1000000000").await;
    // Not a byte of it needs to come.
    let answer = read_to_end(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    "413 M_TOO_LARGE".to_owned()
}

/// Nobody has to sign anything for these.
async fn endless_bodies(world: &World) -> String {
    let send = async |_| {
        let mut connection = connect(world, "Transfer-Encoding: chunked").await;
        let chunk = format!("10000\r\n{}\r\n", "[".repeat(0x10000));
        let mut taken = 0;
        while taken < MOST_TAKEN && connection.write_all(chunk.as_bytes()).await.is_ok() {
            taken += 0x10000;
        }
        // The last of it may be in the kernel's buffers, which can be larger: without another byte it is cut off.
        let cut_off = tokio::time::timeout(SOON, read_to_end(&mut connection)).await;
        assert!(cut_off.is_ok(), "it is still taken");
    };
    join_all((0..64).map(send)).await;
    "cut off".to_owned()
}

/// Who they are of is known after they were put in order, as that is what is signed.
async fn many_numbers(world: &World) -> String {
    let World { hostile, victim, .. } = world;
    let body = format!("{{\"pdus\":[],\"edus\":[],\"x\":[[1{}]]}}", ",1".repeat(5_000_000));
    let signed = hostile.authorization(&victim.name, &Method::PUT, SEND, Some(&json!({})));
    let send = |_| hostile.call_as(victim, Method::PUT, SEND, Some(body.clone()), &signed);
    // There is room for two from one address.
    for _ in 0..4 {
        for answer in join_all((0..2).map(send)).await {
            assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"));
        }
    }
    "401 M_UNAUTHORIZED".to_owned()
}

/// Begins a transaction in the name of a server whose keys the victim has.
async fn connect(World { victim, hostile, .. }: &World, header: &str) -> TcpStream {
    let address = victim.url("").replace("http://", "");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let (host, name, key) = (&victim.name, &hostile.name, hostile.key.key_id());
    let head = format!(
        "PUT {SEND} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Authorization: X-Matrix origin=\"{name}\",key=\"{key}\",sig=\"AAAA\"\r\n{header}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut answer = String::new();
    _ = connection.read_to_string(&mut answer).await;
    answer
}

async fn deep_body(world: &World) -> String {
    // The signature is of a body that can be signed: the nesting is looked at first.
    let signed = world.hostile.authorization(&world.victim.name, &Method::PUT, SEND, Some(&json!({})));
    let deep = format!("{{\"pdus\":{}", "[".repeat(1_000_000));
    let answer = world.hostile.call_as(&world.victim, Method::PUT, SEND, Some(deep), &signed).await;
    assert!(matches!(answer.error(), (400, "M_BAD_JSON" | "M_NOT_JSON")), "{answer:?}");
    "400 M_NOT_JSON".to_owned()
}

/// As deep as it may be: it is taken in, and the clients can read it.
async fn deep_event(world: &World) -> String {
    let deep = (0..90).fold(json!("deep"), |inner, _| json!({ "a": inner }));
    let World { hostile, victim, room, .. } = world;
    let event = hostile.seal(hostile.draft(victim, room, "m.room.message", deep).await);
    let told = world.send(&[&event]).await.remove(0);
    assert_eq!(world.is_shown(room, &event).await, told == "taken in");
    told
}

async fn deep_answer(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let message = hostile.draft(victim, room, "m.room.message", json!({ "body": "too much" })).await;
    let orphan = hostile.seal(message.after(&[format!("${:b>43}", "deep")]));
    hostile.answers(|asked| {
        let key = if asked.path.contains("get_missing_events") { "events" } else { "pdu_ids" };
        Some(Reply::Text(format!("{{\"{key}\":{}", "[".repeat(1_000_000))))
    });
    let told = world.send(&[&orphan]).await.remove(0);
    assert!(told.contains("could be fetched"), "{told}");
    told
}
