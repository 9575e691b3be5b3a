//! A client of TURN servers that says in words what works on the way to one: for whoever hosts calls.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use hearth_network::{Dialer, Stream};
use hearth_storage::Random;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UdpSocket,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    Credentials,
    credentials::key_of,
    wire::{
        Class, Message, Method, TransactionId, Writer,
        attribute::{
            DATA, ERROR_CODE, NONCE, REALM, REQUESTED_TRANSPORT, USERNAME, XOR_PEER_ADDRESS,
            XOR_RELAYED_ADDRESS,
        },
        length_in_stream, xor_address,
    },
};

/// How long all of it may take for one server, and how long one answer over UDP before the question is sent again.
const PATIENCE: Duration = Duration::from_secs(8);
const AGAIN: Duration = Duration::from_millis(700);
const MAX_MESSAGE: usize = 2048;

/// A TURN server as clients are told of it ([RFC 7065](https://www.rfc-editor.org/rfc/rfc7065)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnUri {
    host: String,
    port: u16,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Udp,
    Tcp,
    Tls,
}

/// What does not work, and what is most often the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the name {0} has no address: it is missing in the DNS")]
    NoAddress(String),
    #[error(
        "nothing comes back from UDP port {0}: a firewall lets it not through, or the server's public_address is not \
         this one's"
    )]
    Silence(u16),
    #[error(
        "TCP port {port} cannot be connected to ({reason}): nothing listens there, or a firewall lets it not through"
    )]
    NotConnected { port: u16, reason: String },
    #[error(
        "no TLS could be agreed on ({0}): the certificate is for another name, has ended, or its chain is cut short"
    )]
    Tls(String),
    #[error("who answers does not speak TURN: a reverse proxy for web pages stands before that port")]
    NotTurn,
    #[error("the credentials are refused: turn_secret is not that of the TURN server, or a clock is wrong")]
    Credentials,
    #[error("the server gives no relay, and answers {0}: {1}")]
    Refused(u16, &'static str),
    #[error("there are two relays, but what is sent to one does not come out of the other")]
    Lost,
}

impl FromStr for TurnUri {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').ok_or("not a TURN URI")?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (way, usual_port) = match (scheme, query) {
            ("turn", "" | "transport=udp") => (Way::Udp, 3478),
            ("turn", "transport=tcp") => (Way::Tcp, 3478),
            ("turns", "" | "transport=tcp") => (Way::Tls, 5349),
            _ => return Err("not a TURN URI over UDP, TCP or TLS"),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| "not a port")?),
            _ => (place, usual_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.is_empty() {
            true => Err("the host is missing"),
            false => Ok(Self { host: host.to_owned(), port, way }),
        }
    }
}

impl TurnUri {
    /// Gets two relays from the server, and sends something from one to the other. Gives how long that took.
    ///
    /// # Errors
    /// The [`Trouble`] that there was.
    pub async fn probe(
        &self,
        credentials: &Credentials,
        dialer: &dyn Dialer,
        random: &dyn Random,
    ) -> Result<Duration, Trouble> {
        let probe = async {
            let mut first = Client::connect(self, dialer, random).await?;
            let mut second = Client::connect(self, dialer, random).await?;
            let (from, to) = (first.allocate(credentials).await?, second.allocate(credentials).await?);
            first.permit(to).await?;
            second.permit(from).await?;
            let begun = Instant::now();
            second.await_data(from, &mut first, to).await?;
            Ok(begun.elapsed())
        };
        timeout(PATIENCE, probe).await.unwrap_or_else(|_| Err(self.silence()))
    }

    fn silence(&self) -> Trouble {
        match self.way {
            Way::Udp => Trouble::Silence(self.port),
            Way::Tcp | Way::Tls => Trouble::NotTurn,
        }
    }
}

enum Link {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

/// One connection to the server, with what its requests are signed with as soon as that is known.
struct Client<'a> {
    uri: &'a TurnUri,
    link: Link,
    random: &'a dyn Random,
    signer: Option<Signer>,
}

struct Signer {
    username: String,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: [u8; 16],
}

impl<'a> Client<'a> {
    async fn connect(uri: &'a TurnUri, dialer: &dyn Dialer, random: &'a dyn Random) -> Result<Self, Trouble> {
        let (host, port) = (uri.host.as_str(), uri.port);
        let mut addresses =
            tokio::net::lookup_host((host, port)).await.map_err(|_| Trouble::NoAddress(host.to_owned()))?;
        let address = addresses.next().ok_or_else(|| Trouble::NoAddress(host.to_owned()))?;
        let not_connected = |error: std::io::Error| Trouble::NotConnected { port, reason: error.to_string() };
        let link = match uri.way {
            Way::Udp => {
                let local: SocketAddr =
                    if address.is_ipv6() { ([0_u16; 8], 0).into() } else { ([0; 4], 0).into() };
                let socket = UdpSocket::bind(local).await.map_err(not_connected)?;
                socket.connect(address).await.map_err(not_connected)?;
                Link::Datagrams(socket)
            }
            Way::Tcp => Link::Stream(dialer.dial(host, port, None).await.map_err(not_connected)?),
            Way::Tls => {
                dialer.dial(host, port, None).await.map_err(not_connected)?;
                let stream = dialer.dial(host, port, Some(host)).await;
                Link::Stream(stream.map_err(|error| Trouble::Tls(error.to_string()))?)
            }
        };
        Ok(Self { uri, link, random, signer: None })
    }

    async fn allocate(&mut self, credentials: &Credentials) -> Result<SocketAddr, Trouble> {
        let udp = |request: Writer| request.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        let (_, answer) = self.ask(Method::Allocate, udp).await?;
        let answer = Message::parse(&answer).ok_or(Trouble::NotTurn)?;
        let (Some(realm), Some(nonce)) = (answer.get(REALM), answer.get(NONCE)) else {
            return Err(refused(&answer));
        };
        let key = key_of(&credentials.username, &String::from_utf8_lossy(realm), &credentials.password);
        let (realm, nonce) = (realm.to_vec(), nonce.to_vec());
        self.signer = Some(Signer { username: credentials.username.clone(), realm, nonce, key });
        let (transaction, answer) = self.ask(Method::Allocate, udp).await?;
        let answer = Message::parse(&answer).ok_or(Trouble::NotTurn)?;
        let relayed = answer.get(XOR_RELAYED_ADDRESS).and_then(|value| xor_address(value, &transaction));
        relayed.ok_or_else(|| refused(&answer))
    }

    async fn permit(&mut self, peer: SocketAddr) -> Result<(), Trouble> {
        let permit = |request: Writer| request.address(XOR_PEER_ADDRESS, peer);
        let (_, answer) = self.ask(Method::CreatePermission, permit).await?;
        let answer = Message::parse(&answer).ok_or(Trouble::NotTurn)?;
        match answer.class() {
            Class::Success => Ok(()),
            _ => Err(refused(&answer)),
        }
    }

    /// Waits until what `sender` sends to this one's relay, again and again, comes from that one's.
    async fn await_data(
        &mut self,
        from: SocketAddr,
        sender: &mut Client<'_>,
        to: SocketAddr,
    ) -> Result<(), Trouble> {
        for _ in 0..3 {
            let data = Writer::new(Class::Indication, Method::Send, sender.transaction());
            sender.send(&data.address(XOR_PEER_ADDRESS, to).attribute(DATA, b"hearth").finish()).await?;
            let due = Instant::now() + AGAIN;
            while let Ok(received) = timeout_at(due, self.receive()).await {
                let received = received?;
                let message = Message::parse(&received).ok_or(Trouble::NotTurn)?;
                let peer = message.get(XOR_PEER_ADDRESS);
                let peer = peer.and_then(|peer| xor_address(peer, &message.transaction()));
                if peer == Some(from) && message.get(DATA) == Some(b"hearth") {
                    return Ok(());
                }
            }
        }
        Err(Trouble::Lost)
    }

    /// Asks until there is an answer.
    async fn ask(
        &mut self,
        method: Method,
        with: impl Fn(Writer) -> Writer,
    ) -> Result<(TransactionId, Vec<u8>), Trouble> {
        let transaction = self.transaction();
        let mut request = with(Writer::new(Class::Request, method, transaction));
        if let Some(signer) = &self.signer {
            request = request.attribute(USERNAME, signer.username.as_bytes());
            request =
                request.attribute(REALM, &signer.realm).attribute(NONCE, &signer.nonce).signed(&signer.key);
        }
        let request = request.finish();
        loop {
            self.send(&request).await?;
            let due = Instant::now() + if matches!(self.link, Link::Datagrams(_)) { AGAIN } else { PATIENCE };
            while let Ok(answer) = timeout_at(due, self.receive()).await {
                let answer = answer?;
                let message = Message::parse(&answer).ok_or(Trouble::NotTurn)?;
                if message.transaction() == transaction {
                    return Ok((transaction, answer));
                }
            }
        }
    }

    fn transaction(&self) -> TransactionId {
        let mut transaction = [0; 12];
        self.random.fill(&mut transaction);
        transaction
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let sent = match &mut self.link {
            Link::Datagrams(socket) => socket.send(bytes).await.map(drop),
            Link::Stream(stream) => {
                async {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
                .await
            }
        };
        sent.map_err(|_| self.uri.silence())
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut buffer = vec![0; MAX_MESSAGE];
        let length = match &mut self.link {
            Link::Datagrams(socket) => socket.recv(&mut buffer).await.map_err(|_| self.uri.silence())?,
            Link::Stream(stream) => {
                stream.read_exact(&mut buffer[..4]).await.map_err(|_| Trouble::NotTurn)?;
                let length = length_in_stream(&buffer[..4]).ok().flatten().ok_or(Trouble::NotTurn)?;
                let rest = buffer.get_mut(4..length).ok_or(Trouble::NotTurn)?;
                stream.read_exact(rest).await.map_err(|_| Trouble::NotTurn)?;
                length
            }
        };
        buffer.truncate(length);
        Ok(buffer)
    }
}

fn refused(answer: &Message<'_>) -> Trouble {
    let code = match answer.get(ERROR_CODE) {
        Some([_, _, hundreds, rest, ..]) => u16::from(*hundreds) * 100 + u16::from(*rest),
        _ => return Trouble::NotTurn,
    };
    match code {
        401 | 441 => Trouble::Credentials,
        403 => Trouble::Refused(code, "it lets nobody reach the address of its own relays"),
        486 => Trouble::Refused(code, "this user has too many relays"),
        508 => Trouble::Refused(code, "it has no more ports: turn_ports is too small, or they are taken"),
        _ => Trouble::Refused(code, "it does not say more"),
    }
}
