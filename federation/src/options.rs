//! How this server federates.

use hearth_http::{TrustedProxies, limits::RateLimits};
use hearth_network::NetworkOptions;
use ruma::OwnedServerName;

/// How this server federates.
#[derive(Clone, Debug)]
pub struct FederationOptions {
    pub server_name: OwnedServerName,
    /// Where other servers reach this one, for `/.well-known/matrix/server`: `matrix.example.org:443`.
    pub public_address: Option<OwnedServerName>,
    /// What may be connected to.
    pub network: NetworkOptions,
    /// Servers that are asked for the keys of those that do not give them.
    pub notaries: Vec<OwnedServerName>,
    /// How many servers are kept in each cache: where they are, and their keys.
    pub cached_servers: usize,
    /// How often others may ask; `None` for no limits.
    pub rate_limits: Option<RateLimits>,
    /// Whether rooms are joined without their members (`omit_members`): then [`FetchingMembers`](crate::FetchingMembers)
    /// is to be started, which fetches them later.
    pub partial_joins: bool,
    /// The proxies that say where a request comes from.
    pub trusted_proxies: TrustedProxies,
}

impl FederationOptions {
    /// Federation as the specification wants it, with public servers only.
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            public_address: None,
            network: NetworkOptions::default(),
            notaries: Vec::new(),
            cached_servers: 10_000,
            rate_limits: Some(RateLimits::default()),
            partial_joins: false,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}
