//! Where requests come from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, request::Parts};

/// Where a request comes from. A proxy on this machine is believed about whom it speaks for.
pub fn address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    match peer {
        Some(peer) if !peer.is_loopback() => peer,
        _ => forwarded_for(&parts.headers).or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}

/// The last address in `X-Forwarded-For`: the one that the proxy itself saw.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn from(peer: [u8; 4], forwarded: Option<&'static str>) -> IpAddr {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::from((peer, 1))));
        if let Some(forwarded) = forwarded {
            parts.headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
        }
        address(&parts)
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let far = IpAddr::from([9, 9, 9, 9]);
        assert_eq!(from([127, 0, 0, 1], Some("1.1.1.1, 9.9.9.9")), far);
        assert_eq!(from([9, 9, 9, 9], Some("1.1.1.1")), far);
        assert_eq!(from([127, 0, 0, 1], Some("nonsense")), IpAddr::from([127, 0, 0, 1]));
    }
}
