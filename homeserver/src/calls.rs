//! The SFU in this process: its socket, its key, and the endpoints by which clients reach it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use axum::Router;
use hearth_calls::{CallService, Gate, Parts};
use hearth_rooms::Rooms;
use hearth_sfu::{Limits, SfuOptions, TokenKey};
use hearth_storage::{Clock, Random, StorageError, Store};
use hearth_turn::{AddressError, PublicAddress};
use ruma::ServerName;

use crate::{
    config::{CallsListener, Config},
    server::kept_secret,
};

/// The name of the key that tokens for calls are signed with.
const KEY_NAME: &str = "hearth";

/// Where media comes, if nobody says another port.
const PORT: u16 = 7882;

/// Why no calls are carried.
#[derive(Debug, thiserror::Error)]
pub enum CallsError {
    #[error("listen_calls: cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("{0}: name this machine's public address in public_address")]
    Address(#[from] AddressError),
    #[error("calls cannot be carried: {0}")]
    Start(io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The socket where media comes.
pub struct CallsSocket {
    socket: UdpSocket,
    /// Where clients reach it: of each family one address.
    addresses: Vec<SocketAddr>,
}

impl CallsSocket {
    /// Binds it where the configuration says, or else where clients can reach it; `None` if no calls are to be carried.
    pub async fn bind(config: &Config, random: &dyn Random) -> Result<Option<Self>, CallsError> {
        let listen = match config.listen_calls {
            CallsListener::Off => return Ok(None),
            CallsListener::At(listen) => listen,
            CallsListener::Auto => match usual(config, PublicAddress::of_this_machine()) {
                Some(listen) => listen,
                None => return Ok(None),
            },
        };
        match bind(listen) {
            Ok(socket) => {
                let addresses = addresses(config, &socket, random).await?;
                tracing::info!(%listen, ?addresses, "calls are carried");
                Ok(Some(Self { socket, addresses }))
            }
            // Nobody asked for that port, and another server may have it.
            Err(error) if config.listen_calls == CallsListener::Auto => {
                tracing::warn!(%error, %listen, "no calls are carried");
                Ok(None)
            }
            Err(source) => Err(CallsError::Bind { address: listen, source }),
        }
    }
}

/// Where the socket is if nobody says where: for a server of this machine alone on loopback, for one that others reach on all
/// addresses, if the public one is known. Whoever names other places for calls needs none here.
fn usual(config: &Config, own: impl IntoIterator<Item = std::net::IpAddr>) -> Option<SocketAddr> {
    if !config.rtc_livekit.is_empty() {
        return None;
    }
    if config.public_url.is_none() {
        return is_of_loopback(&config.server_name).then(|| (Ipv4Addr::LOCALHOST, 0).into());
    }
    let is_reached = !config.public_address.is_empty() || own.into_iter().any(hearth_network::is_public);
    is_reached.then(|| (Ipv4Addr::UNSPECIFIED, PORT).into())
}

fn is_of_loopback(name: &ServerName) -> bool {
    let host = name.host();
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn bind(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(listen)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The addresses of this machine that are named, or its own.
async fn addresses(
    config: &Config,
    socket: &UdpSocket,
    random: &dyn Random,
) -> Result<Vec<SocketAddr>, CallsError> {
    let bound = socket.local_addr().map_err(CallsError::Start)?;
    let mut addresses = Vec::new();
    if !bound.ip().is_loopback() {
        for address in &config.public_address {
            let address = SocketAddr::new(address.find(random).await?.to_canonical(), bound.port());
            if address.is_ipv4() || bound.is_ipv6() {
                addresses.push(address);
            }
        }
    }
    if addresses.is_empty() {
        addresses.push(hearth_sfu::address_of_machine(bound).map_err(CallsError::Start)?);
    }
    Ok(addresses)
}

/// The calls that a server carries.
pub struct Calls {
    /// Lets people in.
    pub service: CallService,
    /// Where their clients signal.
    pub endpoints: Router,
}

impl Calls {
    /// Starts the SFU.
    pub async fn start(
        config: &Config,
        socket: CallsSocket,
        store: &Store,
        rooms: &Rooms,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
    ) -> Result<Self, CallsError> {
        // A configuration's secret, or the folder's own.
        let secret = match &config.calls_secret {
            Some(secret) => secret.expose().to_owned(),
            None => kept_secret(store, &*random, "calls_secret").await?,
        };
        let key = TokenKey::new(KEY_NAME, secret);
        let CallsSocket { socket, addresses } = socket;
        let options = SfuOptions { addresses, limits: Limits::default() };
        let gate = Arc::new(Gate { clock, random, rooms: rooms.clone() });
        let calls = hearth_sfu::Calls::start(socket, options, gate.clone()).map_err(CallsError::Start)?;
        let endpoints = hearth_sfu::router(calls.clone(), key.clone(), gate);
        let base_url = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        let service = CallService::start(Parts { calls, key, base_url, rooms: rooms.clone() });
        Ok(Self { service, endpoints })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ruma::{OwnedServerName, owned_server_name};

    use super::*;

    const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 7));

    fn config(name: OwnedServerName) -> Config {
        Config::new(name)
    }

    #[test]
    fn calls_are_carried_where_clients_can_reach_them() {
        let local = config(owned_server_name!("localhost"));
        assert_eq!(usual(&local, [PUBLIC]), Some("127.0.0.1:0".parse().unwrap()));
        assert_eq!(usual(&config(owned_server_name!("127.0.0.1:8448")), []), usual(&local, []));
        // Where clients reach it is not known.
        let mut named = config(owned_server_name!("hearth.example"));
        assert_eq!(usual(&named, [PUBLIC]), None);
        named.public_url = Some("https://matrix.hearth.example".to_owned());
        let everywhere = Some("0.0.0.0:7882".parse().unwrap());
        assert_eq!(usual(&named, [PRIVATE, PUBLIC]), everywhere);
        assert_eq!(usual(&named, [PRIVATE]), None);
        named.public_address = vec!["93.184.216.7".parse().unwrap()];
        assert_eq!(usual(&named, [PRIVATE]), everywhere);
        named.rtc_livekit = vec!["https://elsewhere.example".to_owned()];
        assert_eq!(usual(&named, [PUBLIC]), None);
    }

    #[tokio::test]
    async fn clients_are_told_the_public_address() {
        let random = hearth_storage::SeededRandom::new(1);
        let mut named = config(owned_server_name!("hearth.example"));
        named.public_address = vec!["93.184.216.7".parse().unwrap()];
        named.listen_calls = CallsListener::At("0.0.0.0:0".parse().unwrap());
        let bound = CallsSocket::bind(&named, &random).await.unwrap().unwrap();
        let port = bound.socket.local_addr().unwrap().port();
        assert_eq!(bound.addresses, [SocketAddr::new(PUBLIC, port)]);
        // One that is taken, which was asked for.
        named.listen_calls = CallsListener::At((Ipv4Addr::UNSPECIFIED, port).into());
        assert!(matches!(CallsSocket::bind(&named, &random).await, Err(CallsError::Bind { .. })));
        named.listen_calls = CallsListener::Off;
        assert!(CallsSocket::bind(&named, &random).await.unwrap().is_none());
    }
}
