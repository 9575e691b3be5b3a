//! What the machine does not have: descriptors, and room on the disk.

#![allow(clippy::disallowed_methods, reason = "the server that it tests runs in real time")]

mod common;

use std::time::Duration;

use common::{
    Process,
    client::{Client, User},
};
use hearth::descriptors;
use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

async fn room(client: &Client, user: &User) -> String {
    let made = client.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(user), Some(json!({}))).await;
    made["room_id"].as_str().unwrap().to_owned()
}

/// With 1,024 descriptors, others open 1,000 connections on which nothing comes, or hardly anything: whoever asks
/// something is answered all the while.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_hold_up_nobody() {
    descriptors::raise_limit();
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start_limited(folder.path().join("data"), "ulimit -n 1024").await;
    let alice = server.register("alice").await;
    let room = room(&server, &alice).await;
    let mut held = Vec::new();
    let send = async |text: String| {
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{text}");
        server.ok(Method::PUT, &path, Some(&alice), Some(json!({ "msgtype": "m.text", "body": text }))).await
    };
    let begun = [
        "",
        "GET /_matrix/client/versions HTTP/1.1\r\nHost: ",
        "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n{",
    ];
    for number in 0..1000 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(begun[number % begun.len()].as_bytes()).await.unwrap();
        held.push(stream);
        if number % 100 == 99 {
            send(number.to_string()).await;
        }
    }
    for round in 0..5 {
        for stream in &mut held {
            // Those that were closed to make room are as good.
            _ = stream.write_all(b"x").await;
        }
        send(format!("round {round}")).await;
        // A client without a connection yet.
        Client::of_port(server.address().port(), Duration::from_secs(60))
            .register(&format!("user{round}"))
            .await;
        server.ok(Method::GET, "/_matrix/client/v3/sync", Some(&alice), None).await;
    }
}

/// No file may grow beyond two megabytes: writing is refused, and goes on when files may grow again; reading goes on
/// all the while.
#[tokio::test(flavor = "multi_thread")]
async fn without_room_on_the_disk_reading_goes_on_and_with_it_writing_too() {
    let folder = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes. What is too large is an error for the server, and not its end.
    let before = "trap '' XFSZ; ulimit -S -f 4096";
    let server = Process::start_limited(folder.path().join("data"), before).await;
    let alice = server.register("alice").await;
    let room = room(&server, &alice).await;
    let body = json!({ "msgtype": "m.text", "body": "x".repeat(50_000) });
    let mut number = 0;
    let mut send = async || {
        number += 1;
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
        let asked = server.call(Method::PUT, &path, Some(&alice), Some(body.clone()));
        // What was taken when the disk was full already waits for room.
        tokio::time::timeout(Duration::from_secs(5), asked).await.ok()
    };
    let mut acknowledged = Vec::new();
    let refusal = loop {
        match send().await {
            Some((200, sent)) => acknowledged.push(sent["event_id"].as_str().unwrap().to_owned()),
            Some(refused) => break refused,
            None => {}
        }
    };
    assert_eq!((refusal.0, &refusal.1["errcode"]), (503, &json!("M_UNKNOWN")), "{refusal:?}");
    assert!(acknowledged.len() > 10);
    let event = |id: &str| format!("/_matrix/client/v3/rooms/{room}/event/{id}");
    for id in &acknowledged {
        server.ok(Method::GET, &event(id), Some(&alice), None).await;
    }
    server.ok(Method::GET, "/_matrix/client/v3/sync", Some(&alice), None).await;
    let health = server.http.get(server.url("/health")).send().await.unwrap();
    assert_eq!(health.status(), 503);
    let told = health.text().await.unwrap();
    assert!(!told.contains('/'), "{told}");

    let process = Pid::from_raw(server.id() as i32);
    prlimit(process, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    while server.http.get(server.url("/health")).send().await.unwrap().status() != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let sent = loop {
        if let Some((200, sent)) = send().await {
            break sent;
        }
    };
    acknowledged.push(sent["event_id"].as_str().unwrap().to_owned());
    for id in &acknowledged {
        server.ok(Method::GET, &event(id), Some(&alice), None).await;
    }
    let mut server = server;
    server.kill();
    assert!(server.check().status.success());
}
