//! To whom may be relayed: a relay is inside the network of the server, its users are not.

use std::net::IpAddr;

/// Which addresses are peers.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    /// The addresses of relays, as others see them: two clients of this server reach each other through them.
    pub(crate) relayed: Vec<IpAddr>,
    /// Whether those of loopback, of private networks and of this machine are as well.
    pub(crate) allow_private_networks: bool,
}

impl Peers {
    /// Whether a client may send to that address; `is_own` says whether it is one of this machine's. What listens there
    /// may think that nobody else reaches it.
    pub(crate) fn allow(&self, peer: IpAddr, is_own: impl FnOnce(IpAddr) -> bool) -> bool {
        if peer.is_unspecified() || peer.is_multicast() || peer == IpAddr::from([255; 4]) {
            return false;
        }
        self.allow_private_networks || self.is_relay(peer) || hearth_network::is_public(peer) && !is_own(peer)
    }

    /// Whether relays are at that address. Nothing goes there by the network: what is not for a relay is for nobody.
    pub(crate) fn is_relay(&self, peer: IpAddr) -> bool {
        self.relayed.contains(&peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(peers: &Peers, address: &str) -> bool {
        let own: IpAddr = "93.184.216.1".parse().unwrap();
        peers.allow(address.parse().unwrap(), |ip| ip == own)
    }

    #[test]
    fn nobody_is_let_into_the_network_of_the_server() {
        let relay = "198.51.100.7".parse().unwrap();
        let peers = Peers { relayed: vec![relay], allow_private_networks: false };
        for peer in ["93.184.216.34", "2606:4700::1111", "198.51.100.7"] {
            assert!(allows(&peers, peer), "{peer}");
        }
        for forbidden in [
            "93.184.216.1",
            "0.0.0.0",
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(!allows(&peers, forbidden), "{forbidden}");
        }
        let everywhere = Peers { allow_private_networks: true, ..peers };
        assert!(allows(&everywhere, "127.0.0.1") && allows(&everywhere, "93.184.216.1"));
        assert!(!allows(&everywhere, "0.0.0.0") && !allows(&everywhere, "ff02::1"));
    }
}
