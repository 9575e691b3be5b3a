//! Much at once of what anyone may make the victim do: nobody else waits for it.

use std::time::Duration;

use futures::future::join_all;
use hearth_spec::RoomVersion;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{report::Bounds, world::World};

pub async fn all(world: &World) {
    let bounds = Bounds::QUIET.memory_mib(128).seconds(60);
    world.attack("700 profiles of servers that never answer", bounds, silent_profiles).await;
    world.attack("keys of 1,000 servers that never answer", bounds, silent_keys).await;
    world.attack("12 uploads of 11 MiB that stall", bounds, stalled_uploads).await;
}

/// Many servers that can be connected to and say nothing: all loopback addresses, at the port that is returned.
async fn silent_servers() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    port
}

fn silent_server(port: u16, number: usize) -> String {
    format!("127.{}.{}.1:{port}", number / 250 + 1, number % 250)
}

/// Without an access token.
async fn silent_profiles(world: &World) -> String {
    let port = silent_servers().await;
    let ask = async |number: usize| {
        let path = format!("/_matrix/client/v3/profile/@a:{}", silent_server(port, number));
        world.victim.call(Method::GET, &path, None, None).await.0
    };
    let others = async {
        for _ in 0..5 {
            world.all_is_well(&world.room).await;
        }
    };
    let (statuses, ()) = tokio::join!(join_all((0..700).map(ask)), others);
    let busy = statuses.iter().filter(|status| **status == 429).count();
    assert!(statuses.iter().all(|status| [429, 502].contains(status)), "{statuses:?}");
    // One address has a share.
    assert!(busy >= 700 - 64, "{busy}");
    format!("{busy} 429, the others 502")
}

/// The victim is asked as a notary, and a server that it does not know comes meanwhile.
async fn silent_keys(world: &World) -> String {
    let port = silent_servers().await;
    let ask = async |round: usize| {
        let names = (0..100).map(|number| (silent_server(port, round * 100 + number), json!({})));
        let wanted: serde_json::Map<String, Value> = names.collect();
        let body = json!({ "server_keys": wanted });
        world.victim.call(Method::POST, "/_matrix/key/v2/query", None, Some(body)).await
    };
    let others = async {
        let new = world.another_hostile().await;
        let room = world.another_room(&new, RoomVersion::V12).await;
        world.all_is_well(&room).await;
    };
    let (answers, ()) = tokio::join!(join_all((0..10).map(ask)), others);
    for (status, answer) in answers {
        assert_eq!((status, &answer["server_keys"]), (200, &json!([])));
    }
    "none".to_owned()
}

/// In the name of a server that the victim knows: nobody signs what does not come to its end.
async fn stalled_uploads(world: &World) -> String {
    const LENGTH: usize = 11 << 20;
    let stall = async |_| {
        let address = world.victim.url("").replace("http://", "");
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PUT /_matrix/federation/v1/send/stalled HTTP/1.1\r\nHost: {0}\r\n\
             X-Forwarded-For: 10.0.0.1\r\nContent-Length: {1}\r\n\
             Authorization: X-Matrix origin=\"{2}\",destination=\"{0}\",key=\"{3}\",sig=\"AAAA\"\r\n\r\n",
            world.victim.name,
            LENGTH + 1,
            world.hostile.name,
            world.hostile.key.key_id(),
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        // Those that are refused are closed.
        _ = connection.write_all(&vec![b' '; LENGTH]).await;
        connection
    };
    let mut stalled = join_all((0..12).map(stall)).await;
    // Others have as much room as before.
    let edu = json!({ "edu_type": "m.unknown", "content": { "text": "x".repeat(60_000) } });
    let answer = world.hostile.transaction(&world.victim, &[], &vec![edu; 100]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.all_is_well(&world.room).await;
    let refused = join_all(stalled.iter_mut().map(async |connection| {
        let mut answer = [0; 12];
        let answered = tokio::time::timeout(Duration::from_secs(1), connection.read(&mut answer)).await;
        matches!(answered, Ok(Ok(_) | Err(_)))
    }));
    let refused = refused.await.into_iter().filter(|refused| *refused).count();
    assert!(refused >= 10, "{refused}");
    format!("{refused} are cut off")
}
