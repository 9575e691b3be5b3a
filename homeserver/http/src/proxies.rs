//! Where a request comes from, when proxies stand in between.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::extract::ConnectInfo;
use http::{HeaderMap, request::Parts};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;

/// The proxies that are believed about whom they speak for.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxies(Vec<IpNet>);

impl Default for TrustedProxies {
    /// Those on this machine.
    fn default() -> Self {
        Self(vec![
            Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
            Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
        ])
    }
}

/// Reads addresses and networks (`10.0.0.0/8`), with commas between.
impl TryFrom<String> for TrustedProxies {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let network = |part: &str| {
            let address = part.parse::<IpAddr>().map(IpNet::from);
            part.parse()
                .or(address)
                .map_err(|_| format!("`{part}` is not an address or a network such as `10.0.0.0/8`"))
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// The same text.
impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(", "))
    }
}

impl TrustedProxies {
    /// Where a request comes from: the nearest address that is no trusted proxy's, by the connection and what the
    /// proxies say in `X-Forwarded-For`, each at its end.
    pub fn client(&self, parts: &Parts) -> IpAddr {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        let mut nearest = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for address in forwarded_for(&parts.headers) {
            match address {
                Some(address) if self.trusts(nearest) => nearest = address.to_canonical(),
                _ => break,
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The addresses in `X-Forwarded-For`, the last first; `None` for what is none.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all("x-forwarded-for").iter().rev();
    values
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(',').map(|part| part.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(text: &str) -> Result<TrustedProxies, String> {
        text.to_owned().try_into()
    }

    fn from(proxies: &TrustedProxies, peer: &str, forwarded: &[&'static str]) -> IpAddr {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        for value in forwarded {
            parts.headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        proxies.client(&parts)
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_of_them_the_nearest_first() {
        let (near, far) = (IpAddr::from([9, 9, 9, 9]), IpAddr::from([1, 1, 1, 1]));
        let local = TrustedProxies::default();
        assert_eq!(from(&local, "127.0.0.1", &["1.1.1.1, 9.9.9.9"]), near);
        assert_eq!(from(&local, "::ffff:127.0.0.1", &["1.1.1.1", "9.9.9.9"]), near);
        assert_eq!(from(&local, "9.9.9.9", &["1.1.1.1"]), near);
        assert_eq!(from(&local, "::1", &["nonsense"]), IpAddr::from(Ipv6Addr::LOCALHOST));
        assert_eq!(from(&local, "127.0.0.1", &[]), IpAddr::from([127, 0, 0, 1]));

        let chain = read("10.0.0.0/8, 9.9.9.9, fd00::/8").unwrap();
        assert_eq!(from(&chain, "10.1.2.3", &["5.5.5.5, 1.1.1.1, 9.9.9.9"]), far);
        assert_eq!(from(&chain, "fd00::1", &["5.5.5.5, 1.1.1.1", "10.9.9.9"]), far);
        assert_eq!(from(&chain, "10.1.2.3", &["nonsense, 9.9.9.9"]), near);
        assert_eq!(from(&chain, "127.0.0.1", &["1.1.1.1"]), IpAddr::from([127, 0, 0, 1]));
    }

    #[test]
    fn networks_are_read_from_text() {
        assert_eq!(read("127.0.0.0/8, ::1"), Ok(TrustedProxies::default()));
        assert_eq!(read(""), Ok(TrustedProxies(Vec::new())));
        for wrong in ["proxy.example", "10.0.0.0/33", "1.2.3"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
