//! Real sockets on loopback.

use std::time::Duration;

use futures::future::BoxFuture;
use hearth_network::{Dialer, NetworkError, ServiceTarget, Stream};
use hearth_storage::{ManualClock, SeededRandom};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::{
    Credentials, Trouble, TurnUri,
    testing::{BEGIN_S, SECRET, options, sign, udp},
    wire::{
        ChannelData, Class, Message, Method, Writer,
        attribute::{CHANNEL_NUMBER, NONCE, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS},
        length_in_stream, xor_address,
    },
};

/// What is not there after so long does not come.
const PATIENCE: Duration = Duration::from_secs(20);

async fn server() -> TurnServer {
    let options = TurnOptions {
        relayed: vec![[127, 0, 0, 1].into()],
        ports: 40_000..=60_000,
        allow_private_networks: true,
        ..options()
    };
    let listeners = Listeners { plain: ([127, 0, 0, 1], 0).into(), tls: None, max_connections: 10 };
    let clock = Arc::new(ManualClock::new(BEGIN_S * 1000));
    TurnServer::start(options, listeners, clock, Arc::new(SeededRandom::new(7))).await.unwrap()
}

/// A client over either transport.
enum Link {
    Datagrams(UdpSocket),
    Stream(TcpStream),
}

impl Link {
    async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Datagrams(socket) => _ = socket.send(bytes).await.unwrap(),
            Self::Stream(stream) => stream.write_all(bytes).await.unwrap(),
        }
    }

    async fn receive(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 2000];
        let receiving = async {
            match self {
                Self::Datagrams(socket) => {
                    let length = socket.recv(&mut buffer).await.unwrap();
                    buffer.truncate(length);
                }
                Self::Stream(stream) => {
                    stream.read_exact(&mut buffer[..4]).await.unwrap();
                    let length = length_in_stream(&buffer[..4]).unwrap().unwrap();
                    stream.read_exact(&mut buffer[4..length]).await.unwrap();
                    buffer.truncate(length);
                }
            }
            buffer
        };
        timeout(PATIENCE, receiving).await.expect("nothing came")
    }

    /// Asks for a relay with a channel to a peer, and gives where the peer sees it.
    async fn relay(&mut self, peer: SocketAddr) -> SocketAddr {
        let credentials = Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 60);
        self.send(&udp(Writer::new(Class::Request, Method::Allocate, [1; 12])).finish()).await;
        let answer = self.receive().await;
        let nonce = Message::parse(&answer).unwrap().get(NONCE).unwrap();
        let nonce = String::from_utf8(nonce.to_vec()).unwrap();
        let allocate = udp(Writer::new(Class::Request, Method::Allocate, [2; 12]));
        self.send(&sign(allocate, &credentials, &nonce)).await;
        let answer = self.receive().await;
        let relayed = Message::parse(&answer).unwrap().get(XOR_RELAYED_ADDRESS).unwrap();
        let relayed = xor_address(relayed, &[2; 12]).unwrap();
        let bind =
            Writer::new(Class::Request, Method::ChannelBind, [3; 12]).number(CHANNEL_NUMBER, 0x4000 << 16);
        self.send(&sign(bind.address(XOR_PEER_ADDRESS, peer), &credentials, &nonce)).await;
        let answer = self.receive().await;
        assert_eq!(Message::parse(&answer).unwrap().class(), Class::Success);
        relayed
    }
}

#[tokio::test]
async fn data_goes_to_a_peer_and_back_over_both_transports() {
    let server = server().await;
    let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    datagrams.connect(server.udp()).await.unwrap();
    let stream = TcpStream::connect(server.tcp()).await.unwrap();
    for mut link in [Link::Datagrams(datagrams), Link::Stream(stream)] {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let relayed = link.relay(peer.local_addr().unwrap()).await;
        let mut buffer = [0; 100];
        for text in [&b"hello!!!"[..], b"odd"] {
            let data = [&ChannelData::header(0x4000, text.len() as u16), text].concat();
            let padded = data.len().next_multiple_of(4);
            link.send(&[&data[..], &[0; 3][..padded - data.len()]].concat()).await;
            let (length, from) = timeout(PATIENCE, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
            assert_eq!((&buffer[..length], from), (text, relayed));
            peer.send_to(text, from).await.unwrap();
            let received = link.receive().await;
            assert_eq!(ChannelData::parse(&received).unwrap().data, text);
        }
    }
}

/// Connects to loopback, without TLS.
struct Loopback;

impl Dialer for Loopback {
    fn dial<'a>(
        &'a self,
        target: &'a str,
        port: u16,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move { Ok(Box::new(TcpStream::connect((target, port)).await?) as Box<dyn Stream>) })
    }

    fn services<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<ServiceTarget>, NetworkError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test]
async fn what_works_and_what_does_not_is_said_in_words() {
    let server = server().await;
    let good = Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 60);
    let bad = Credentials::new(b"another secret", "@alice:hearth.example", BEGIN_S + 60);
    let random = SeededRandom::new(3);
    let probe = async |uri: String, credentials: &Credentials| {
        let uri: TurnUri = uri.parse().unwrap();
        uri.probe(credentials, &Loopback, &random).await.map(drop)
    };
    for (transport, address) in [("udp", server.udp()), ("tcp", server.tcp())] {
        let uri = format!("turn:127.0.0.1:{}?transport={transport}", address.port());
        assert_eq!(probe(uri.clone(), &good).await, Ok(()));
        assert_eq!(probe(uri, &bad).await, Err(Trouble::Credentials));
    }
    // Nobody is at a port that was just given back.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let uri = |transport| format!("turn:127.0.0.1:{nobody}?transport={transport}");
    assert_eq!(probe(uri("udp"), &good).await, Err(Trouble::Silence(nobody)));
    assert!(matches!(probe(uri("tcp"), &good).await, Err(Trouble::NotConnected { .. })));
    // A server of web pages.
    let pages = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("turn:127.0.0.1:{}?transport=tcp", pages.local_addr().unwrap().port());
    let answering = async {
        for _ in 0..2 {
            let (mut stream, _) = pages.accept().await.unwrap();
            _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        told = probe(uri, &good) => assert_eq!(told, Err(Trouble::NotTurn)),
        () = answering => {}
    }
}

#[test]
fn a_uri_says_where_and_how() {
    for good in ["turn:a", "turn:a:3478?transport=udp", "turns:[2001:db8::1]:443?transport=tcp", "turn:[::1]"]
    {
        assert!(good.parse::<TurnUri>().is_ok(), "{good}");
    }
    for bad in ["", "turn", "stun:a", "turn:", "turn:a:x", "turns:a?transport=udp", "turn:a?transport=sctp"] {
        assert!(bad.parse::<TurnUri>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_relay_goes_with_its_connection_and_its_port_with_it() {
    let server = server().await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut link = Link::Stream(TcpStream::connect(server.tcp()).await.unwrap());
    let relayed = link.relay(peer.local_addr().unwrap()).await;
    assert!(StdUdpSocket::bind(relayed).is_err());
    drop(link);
    let freed = async {
        while StdUdpSocket::bind(relayed).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, freed).await.expect("the port is not free");
}

#[tokio::test]
async fn a_connection_that_speaks_no_turn_is_closed() {
    let server = server().await;
    let mut stream = TcpStream::connect(server.tcp()).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01").await.unwrap();
    let mut rest = Vec::new();
    // An end or a reset.
    _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is still open");
    assert!(rest.is_empty());
}
