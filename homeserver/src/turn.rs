//! TURN: the server in this process, or others that are named.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hearth_client_api::TurnServers;
use hearth_storage::{Clock, Random, StorageError, Store};
use hearth_turn::{AddressError, Listeners, PublicAddress, TurnOptions, TurnServer};
use rustls::ServerConfig;

use crate::{config::Config, descriptors::Descriptors, server::kept_secret};

/// Why there are no relays.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    #[error("{0}: name this machine's public address in public_address")]
    Address(#[from] AddressError),
    #[error(
        "listen_turn: {0} is not an address at which others reach this machine: name its public address in \
         public_address, such as \"198.51.100.7\" or \"stun:stun.example.org\""
    )]
    NotPublic(IpAddr),
    #[error("listen_turn: this machine has no address: name its public one in public_address")]
    NoAddress,
    #[error("public_address names more than one IPv4 or IPv6 address")]
    TwoOfAFamily,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What relays are made of.
pub struct Turn {
    /// What clients are told.
    pub servers: TurnServers,
    /// The addresses of this machine's relays; none if they are others'.
    relayed: Vec<IpAddr>,
}

impl Turn {
    /// The servers that the configuration names or turns on, if it does.
    pub async fn of(config: &Config, store: &Store, random: &dyn Random) -> Result<Option<Self>, TurnError> {
        if let Some(secret) = &config.turn_secret {
            let servers = TurnServers { uris: config.turn_uris.clone(), secret: secret.expose().to_owned() };
            return Ok(Some(Self { servers, relayed: Vec::new() }));
        }
        let Some(listen) = config.listen_turn else { return Ok(None) };
        let relayed = relayed(config, listen, random).await?;
        let secret = kept_secret(store, random, "turn_secret").await?;
        let servers = TurnServers { uris: uris(config, listen, &relayed), secret };
        Ok(Some(Self { servers, relayed }))
    }

    /// Starts this machine's server, if there is to be one.
    ///
    /// # Errors
    /// Which address cannot be listened on, and why.
    pub async fn serve(
        &self,
        config: &Config,
        tls: Option<Arc<ServerConfig>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Option<TurnServer>, (SocketAddr, std::io::Error)> {
        let Some(plain) = config.listen_turn else { return Ok(None) };
        let relays = Descriptors::available().relays;
        let options = TurnOptions {
            realm: config.server_name.to_string(),
            secret: self.servers.secret.clone().into_bytes(),
            relayed: self.relayed.clone(),
            ports: config.turn_ports.clone(),
            max_allocations: relays,
            user_bytes_per_second: config.turn_user_bytes_per_second(),
            allow_private_networks: config.allow_private_networks,
        };
        let listeners = Listeners { plain, tls: config.listen_turn_tls.zip(tls), max_connections: relays };
        TurnServer::start(options, listeners, clock, random).await.map(Some)
    }
}

/// The addresses of relays as others see them: those that are named, or this machine's own.
async fn relayed(config: &Config, listen: SocketAddr, random: &dyn Random) -> Result<Vec<IpAddr>, TurnError> {
    let mut found = Vec::new();
    for address in &config.public_address {
        found.push(address.find(random).await?.to_canonical());
    }
    if found.is_empty() && !listen.ip().is_unspecified() {
        found.push(listen.ip());
    }
    if found.is_empty() {
        // IPv6 only where it is listened for.
        let own = PublicAddress::of_this_machine().into_iter();
        found.extend(own.filter(|address| address.is_ipv4() || listen.is_ipv6()));
        // A private address beside a public one is no use to anybody.
        if found.iter().any(|address| hearth_network::is_public(*address)) {
            found.retain(|address| hearth_network::is_public(*address));
        }
    }
    let is_bad = |address: &&IpAddr| !config.allow_private_networks && !hearth_network::is_public(**address);
    match found.iter().find(is_bad) {
        // A named one is what its administrator says it is.
        Some(address) if config.public_address.is_empty() => Err(TurnError::NotPublic(*address)),
        _ if found.is_empty() => Err(TurnError::NoAddress),
        _ if found.iter().filter(|address| address.is_ipv4()).count() > 1
            || found.iter().filter(|address| address.is_ipv6()).count() > 1 =>
        {
            Err(TurnError::TwoOfAFamily)
        }
        _ => Ok(found),
    }
}

/// Where clients find the server. A certificate is for a name, and needs one; else the address is surer.
fn uris(config: &Config, listen: SocketAddr, relayed: &[IpAddr]) -> Vec<String> {
    let port = listen.port();
    let plain = relayed.iter().flat_map(|address| {
        let host = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        ["udp", "tcp"].map(|transport| format!("turn:{host}:{port}?transport={transport}"))
    });
    let public_url = config.public_url.as_ref().and_then(|url| url.parse::<http::Uri>().ok());
    let name = public_url.as_ref().and_then(http::Uri::host).unwrap_or(config.server_name.host());
    let tls = config.listen_turn_tls.map(|tls| format!("turns:{name}:{}?transport=tcp", tls.port()));
    plain.chain(tls).collect()
}

#[cfg(test)]
mod tests {
    use hearth_storage::SeededRandom;
    use ruma::owned_server_name;

    use super::*;

    fn config(listen: &str) -> Config {
        let mut config = Config::new(owned_server_name!("example.org"));
        config.listen_turn = Some(listen.parse().unwrap());
        config
    }

    async fn addresses(config: &Config) -> Result<Vec<IpAddr>, String> {
        let random = SeededRandom::new(1);
        let found = relayed(config, config.listen_turn.unwrap(), &random).await;
        found.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn relays_are_where_others_reach_them() {
        let mut private = config("10.0.0.7:3478");
        let problem = addresses(&private).await.unwrap_err();
        assert!(problem.starts_with("listen_turn: 10.0.0.7 is not an address"), "{problem}");
        private.public_address = vec!["93.184.216.7".parse().unwrap()];
        assert_eq!(addresses(&private).await, Ok(vec![[93, 184, 216, 7].into()]));
        private.public_address.push("93.184.216.8".parse().unwrap());
        assert!(addresses(&private).await.is_err());
        assert_eq!(addresses(&config("93.184.216.9:3478")).await, Ok(vec![[93, 184, 216, 9].into()]));
        let mut loopback = config("127.0.0.1:3478");
        loopback.allow_private_networks = true;
        assert_eq!(addresses(&loopback).await, Ok(vec![[127, 0, 0, 1].into()]));
    }

    #[test]
    fn clients_are_told_all_ways() {
        let mut config = config("[::]:3478");
        config.listen_turn_tls = Some("0.0.0.0:443".parse().unwrap());
        let relayed = ["93.184.216.7".parse().unwrap(), "2606:4700::7".parse().unwrap()];
        let told = uris(&config, config.listen_turn.unwrap(), &relayed);
        let expected = [
            "turn:93.184.216.7:3478?transport=udp",
            "turn:93.184.216.7:3478?transport=tcp",
            "turn:[2606:4700::7]:3478?transport=udp",
            "turn:[2606:4700::7]:3478?transport=tcp",
            "turns:example.org:443?transport=tcp",
        ];
        assert_eq!(told, expected);
        config.public_url = Some("https://matrix.example.org/path".to_owned());
        let told = uris(&config, config.listen_turn.unwrap(), &relayed);
        assert_eq!(told.last().unwrap(), "turns:matrix.example.org:443?transport=tcp");
    }
}
