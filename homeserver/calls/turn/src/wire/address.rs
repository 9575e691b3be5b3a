//! Addresses in attributes (RFC 8489, section 14.1 and 14.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{MAGIC_COOKIE, TransactionId};

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// What an address is mixed with, so that no router on the way takes it for one and rewrites it.
fn mask(transaction: &TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    mask
}

fn mixed<const N: usize>(mut bytes: [u8; N], transaction: &TransactionId) -> [u8; N] {
    bytes.iter_mut().zip(mask(transaction)).for_each(|(byte, mask)| *byte ^= mask);
    bytes
}

/// The value of an `XOR-*-ADDRESS`: eight bytes, or twenty for IPv6.
pub fn xored_address(address: SocketAddr, transaction: &TransactionId) -> ([u8; 20], usize) {
    let mut value = [0; 20];
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    value[2..4].copy_from_slice(&port.to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => {
            value[1] = IPV4;
            value[4..8].copy_from_slice(&mixed(ip.octets(), transaction));
            (value, 8)
        }
        IpAddr::V6(ip) => {
            value[1] = IPV6;
            value[4..].copy_from_slice(&mixed(ip.octets(), transaction));
            (value, 20)
        }
    }
}

/// The address in the value of an `XOR-*-ADDRESS`. An IPv4 address in the form of an IPv6 one is the IPv4 address: what
/// is not allowed under one name is not under the other.
pub fn xor_address(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let (&[_, family, high, low], ip) = value.split_first_chunk()?;
    let port = u16::from_be_bytes([high, low]) ^ (MAGIC_COOKIE >> 16) as u16;
    let ip: IpAddr = match family {
        IPV4 => Ipv4Addr::from(mixed::<4>(ip.try_into().ok()?, transaction)).into(),
        IPV6 => Ipv6Addr::from(mixed::<16>(ip.try_into().ok()?, transaction)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
