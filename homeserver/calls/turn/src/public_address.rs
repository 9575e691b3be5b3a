//! The address at which others see this machine: named, or asked of a STUN server.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket as StdUdpSocket},
    str::FromStr,
    time::Duration,
};

use hearth_storage::Random;
use tokio::{net::UdpSocket, time::timeout};

use crate::wire::{Class, Message, Method, Writer, attribute::XOR_MAPPED_ADDRESS, xor_address};

/// The port of STUN servers whose setting names none.
const STUN_PORT: u16 = 3478;
/// How long an answer is waited for; the question is sent again three times, each with twice the time.
const PATIENCE: Duration = Duration::from_millis(500);
const TRIES: u32 = 4;

/// How a public address is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicAddress {
    Is(IpAddr),
    /// The STUN server at that `host:port` says.
    AskedOf(String),
}

/// Why a public address is not known.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error("the STUN server {server} cannot be asked: {source}")]
    Network { server: String, source: io::Error },
    #[error("the STUN server {0} does not answer")]
    NoAnswer(String),
}

impl FromStr for PublicAddress {
    type Err = &'static str;

    /// `198.51.100.7`, `2001:db8::7`, `stun:stun.example.org` or `stun:stun.example.org:3479`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("stun:") {
            None => text.parse().map(Self::Is).map_err(|_| "not an IP address, nor `stun:` and a server"),
            Some("") => Err("the server after `stun:` is missing"),
            Some(server) if server.contains(':') => Ok(Self::AskedOf(server.to_owned())),
            Some(server) => Ok(Self::AskedOf(format!("{server}:{STUN_PORT}"))),
        }
    }
}

impl PublicAddress {
    /// The address.
    ///
    /// # Errors
    /// [`AddressError`] when the server that knows it does not say.
    pub async fn find(&self, random: &dyn Random) -> Result<IpAddr, AddressError> {
        match self {
            Self::Is(address) => Ok(*address),
            Self::AskedOf(server) => {
                let asked = ask(server, random).await;
                let asked = asked.map_err(|source| AddressError::Network { server: server.clone(), source });
                asked?.ok_or_else(|| AddressError::NoAnswer(server.clone()))
            }
        }
    }

    /// The addresses from which this machine reaches the internet, as it sees them itself. Nothing is sent.
    pub fn of_this_machine() -> Vec<IpAddr> {
        let routes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
        let address = |(local, remote): (&str, &str)| {
            let socket = StdUdpSocket::bind(local).ok()?;
            socket.connect(remote).ok()?;
            Some(socket.local_addr().ok()?.ip())
        };
        routes.into_iter().filter_map(address).collect()
    }
}

/// Where a STUN server sees this machine, if it says.
async fn ask(server: &str, random: &dyn Random) -> io::Result<Option<IpAddr>> {
    let Some(server) = tokio::net::lookup_host(server).await?.next() else { return Ok(None) };
    let local: SocketAddr = if server.is_ipv6() { ([0_u16; 8], 0).into() } else { ([0; 4], 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    let mut transaction = [0; 12];
    random.fill(&mut transaction);
    let question = Writer::new(Class::Request, Method::Binding, transaction).finish();
    let mut buffer = [0; 1024];
    for attempt in 0..TRIES {
        socket.send(&question).await?;
        let Ok(length) = timeout(PATIENCE * 2_u32.pow(attempt), socket.recv(&mut buffer)).await else {
            continue;
        };
        let answer = Message::parse(&buffer[..length?]).filter(|answer| answer.transaction() == transaction);
        let address = answer.and_then(|answer| xor_address(answer.get(XOR_MAPPED_ADDRESS)?, &transaction));
        if let Some(address) = address {
            return Ok(Some(address.ip()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use hearth_storage::SeededRandom;

    use super::*;

    #[test]
    fn an_address_is_named_or_asked_of_a_server() {
        let asked = |server: &str| Ok(PublicAddress::AskedOf(server.to_owned()));
        assert_eq!("198.51.100.7".parse(), Ok(PublicAddress::Is([198, 51, 100, 7].into())));
        assert_eq!("2001:db8::7".parse(), Ok(PublicAddress::Is("2001:db8::7".parse().unwrap())));
        assert_eq!("stun:stun.example.org".parse(), asked("stun.example.org:3478"));
        assert_eq!("stun:stun.example.org:19302".parse(), asked("stun.example.org:19302"));
        for wrong in ["", "example.org", "stun:", "198.51.100.7:3478"] {
            assert!(wrong.parse::<PublicAddress>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_stun_server_says_where_it_sees_who_asks() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let name = server.local_addr().unwrap().to_string();
        let answering = async {
            let mut buffer = [0; 1024];
            let (length, from) = server.recv_from(&mut buffer).await.unwrap();
            let question = Message::parse(&buffer[..length]).unwrap();
            let answer = Writer::new(Class::Success, Method::Binding, question.transaction());
            let seen = "198.51.100.7:5".parse().unwrap();
            server.send_to(&answer.address(XOR_MAPPED_ADDRESS, seen).finish(), from).await.unwrap();
        };
        let (random, address) = (SeededRandom::new(1), PublicAddress::AskedOf(name));
        let (found, ()) = tokio::join!(address.find(&random), answering);
        assert_eq!(found.unwrap(), IpAddr::from([198, 51, 100, 7]));
    }
}
