use std::{net::IpAddr, ops::RangeInclusive};

/// How a TURN server behaves.
#[derive(Clone)]
pub struct TurnOptions {
    /// The name of this server, which is in every question for credentials.
    pub realm: String,
    /// What credentials are made of.
    pub secret: Vec<u8>,
    /// The addresses of relays as others see them: one IPv4 address, one IPv6 address, or both.
    pub relayed: Vec<IpAddr>,
    /// The ports of relays.
    pub ports: RangeInclusive<u16>,
    /// How many relays there may be at once.
    pub max_allocations: usize,
    /// How much a user may send through relays, and how much get, in bytes a second.
    pub user_bytes_per_second: u64,
    /// Whether peers may be on loopback and in private networks.
    pub allow_private_networks: bool,
}
