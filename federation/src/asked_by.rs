//! Who makes this server ask another.

use std::net::IpAddr;

use hearth_http::limits::network;
use ruma::OwnedUserId;

/// On whose behalf this server asks another. Each has a share of what may be asked at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum AskedBy {
    User(OwnedUserId),
    /// Someone without an access token: an address, or the network that an IPv6 address belongs to, as whoever has
    /// one such address has 2^64.
    Address(IpAddr),
}

impl AskedBy {
    pub fn address(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_asker() {
        let asked_by = |address: &str| AskedBy::address(address.parse().unwrap());
        assert_eq!(asked_by("2001:db8:1:2::1"), asked_by("2001:db8:1:2:ffff::2"));
        assert_ne!(asked_by("2001:db8:1:2::1"), asked_by("2001:db8:1:3::1"));
        assert_eq!(asked_by("::ffff:10.0.0.1"), asked_by("10.0.0.1"));
        assert_ne!(asked_by("10.0.0.1"), asked_by("10.0.0.2"));
    }
}
