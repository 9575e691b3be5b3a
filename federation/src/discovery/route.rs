//! How to get to a server.

use ruma::ServerName;

use hearth_network::ServiceTarget;

const DEFAULT_PORT: u16 = 8448;

/// How to get to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The header `Host`. Without its port it is the name that the certificate must have.
    pub host: String,
    /// The authorities of URLs to try, one after another (see [`network`](hearth_network)).
    pub authorities: Vec<String>,
}

impl Route {
    /// The route of a name that needs no look-up: an IP literal, or one with a port.
    pub(super) fn explicit(server: &ServerName) -> Option<Self> {
        let port = match server.port() {
            Some(port) => port,
            None if server.is_ip_literal() => DEFAULT_PORT,
            None => return None,
        };
        let authority = format!("{}:{port}", server.host());
        Some(Self { host: server.as_str().to_owned(), authorities: vec![authority] })
    }

    pub(super) fn by_services(host: &str, targets: Vec<ServiceTarget>) -> Self {
        let authority = |target: ServiceTarget| format!("{}@{host}:{}", target.host, target.port);
        Self { host: host.to_owned(), authorities: targets.into_iter().map(authority).collect() }
    }

    pub(super) fn at_default_port(host: &str) -> Self {
        Self { host: host.to_owned(), authorities: vec![format!("{host}:{DEFAULT_PORT}")] }
    }
}
