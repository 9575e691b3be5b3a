//! What may be connected to.

use std::{path::PathBuf, time::Duration};

/// What may be connected to, and how much of it.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// A PEM file of certificate authorities that are trusted besides the system's.
    pub trusted_ca: Option<PathBuf>,
    /// Whether requests may go to loopback and private addresses, and without TLS.
    pub allow_private_networks: bool,
    /// How many connections may be open at once, those that wait for their next request included.
    pub connections: usize,
    /// How long a connection may take: the address, TCP and TLS.
    pub connect_timeout: Duration,
}

/// The public internet.
impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            trusted_ca: None,
            allow_private_networks: false,
            connections: 2048,
            connect_timeout: Duration::from_secs(10),
        }
    }
}
