use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

/// More than the kernel's buffers hold.
const LARGE: usize = 64 << 20;

/// Long enough for a request, and short enough for a test.
const SHORT: Patience = Patience { idle: Duration::from_millis(1500), round: Duration::from_millis(100) };

/// Serves with so many connections at most. What it answers: `/`, `/slow` after twice that patience, `/large`.
async fn serve(most: usize) -> (SocketAddr, Connections) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let slow = async || {
        tokio::time::sleep(2 * SHORT.idle).await;
        "slow"
    };
    let app = Router::new()
        .route("/", get("here").post(async |_: Bytes| "read"))
        .route("/slow", get(slow))
        .route("/large", get(async || vec![0_u8; LARGE]));
    let connections = Connections::with_patience(most, SHORT);
    let server = crate::listen::plain(listener, connections.clone()).unwrap();
    tokio::spawn(server.serve(app.into_make_service_with_connect_info::<SocketAddr>()));
    (address, connections)
}

async fn open(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What comes until a text that ends with this, or until the end.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(end.as_bytes()) && matches!(stream.read(&mut byte).await, Ok(1)) {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Waits until so many connections are open.
async fn count(connections: &Connections, count: usize) {
    while connections.all.open.lock().connections.len() != count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_place_of_whoever_waits_the_longest_is_given_away() {
    let (address, connections) = serve(16).await;
    let mut silent = open(address, "").await;
    count(&connections, 1).await;
    let mut kept = open(address, ASK).await;
    assert!(read_until(&mut kept, "here").await.ends_with("here"));
    let mut drips = Vec::new();
    for number in 3..=16 {
        drips.push(open(address, "GET / HT").await);
        count(&connections, number).await;
    }
    let mut next = open(address, ASK).await;
    assert!(read_until(&mut next, "here").await.ends_with("here"));
    // The first was closed, and no other: the second asks again.
    assert_eq!(read_until(&mut silent, "never").await, "");
    kept.write_all(ASK.as_bytes()).await.unwrap();
    assert!(read_until(&mut kept, "here").await.ends_with("here"));
}

#[tokio::test]
async fn a_place_where_work_is_done_is_not_given_away() {
    let (address, connections) = serve(2).await;
    let slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    let working = [open(address, slow).await, open(address, slow).await];
    let is_working = |connection: &Arc<Connection>| connection.state.lock().working == 1;
    while connections.all.open.lock().connections.values().filter(|one| is_working(one)).count() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut refused = open(address, ASK).await;
    assert_eq!(read_until(&mut refused, "here").await, "");
    drop(working);
    count(&connections, 0).await;
    let mut next = open(address, ASK).await;
    assert!(read_until(&mut next, "here").await.ends_with("here"));
}

#[tokio::test]
async fn whoever_asks_nothing_or_drips_is_closed() {
    let (address, _connections) = serve(100).await;
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";
    for begin in ["", "GET / HT", ASK, body] {
        let stream = open(address, begin).await;
        let (mut reads, mut writes) = stream.into_split();
        let drip = tokio::spawn(async move {
            while writes.write_all(b"X").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut rest = Vec::new();
        _ = reads.read_to_end(&mut rest).await;
        drip.await.unwrap();
    }
}

#[tokio::test]
async fn whoever_waits_for_an_answer_is_not_closed_and_whoever_takes_none_is() {
    let (address, connections) = serve(100).await;
    let mut slow = open(address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(read_until(&mut slow, "\r\n\r\nslow").await.ends_with("slow"));
    drop(slow);
    count(&connections, 0).await;
    let _large = open(address, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    count(&connections, 1).await;
    count(&connections, 0).await;
}
