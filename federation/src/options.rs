//! How this server federates.

use std::{path::PathBuf, time::Duration};

use hearth_http::{TrustedProxies, limits::RateLimits};
use ruma::OwnedServerName;

/// How this server federates.
#[derive(Clone, Debug)]
pub struct FederationOptions {
    pub server_name: OwnedServerName,
    /// Where other servers reach this one, for `/.well-known/matrix/server`: `matrix.example.org:443`.
    pub public_address: Option<OwnedServerName>,
    /// A PEM file of certificate authorities that are trusted besides the system's.
    pub trusted_ca: Option<PathBuf>,
    /// Whether requests may go to loopback and private addresses.
    pub allow_private_networks: bool,
    /// Servers that are asked for the keys of those that do not give them.
    pub notaries: Vec<OwnedServerName>,
    /// How many connections may be open at once, those that wait for their next request included.
    pub connections: usize,
    /// How many servers are kept in each cache: where they are, and their keys.
    pub cached_servers: usize,
    /// How often others may ask; `None` for no limits.
    pub rate_limits: Option<RateLimits>,
    /// The proxies that say where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// How long a connection may take: the address, TCP and TLS.
    pub connect_timeout: Duration,
}

impl FederationOptions {
    /// Federation as the specification wants it, with public servers only.
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            public_address: None,
            trusted_ca: None,
            allow_private_networks: false,
            notaries: Vec::new(),
            connections: 2048,
            cached_servers: 10_000,
            rate_limits: Some(RateLimits::default()),
            trusted_proxies: TrustedProxies::default(),
            connect_timeout: Duration::from_secs(10),
        }
    }
}
