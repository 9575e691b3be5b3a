//! Reading STUN messages (RFC 8489, section 5 and 14).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::{
    HEADER, MAGIC_COOKIE,
    attribute::{FINGERPRINT, MESSAGE_INTEGRITY},
};

/// What an answer repeats of its request.
pub type TransactionId = [u8; 12];

/// How long a signature is.
pub(super) const SIGNATURE: usize = 20;
/// What a checksum is mixed with, so that it is not that of another protocol.
pub(super) const FINGERPRINT_MASK: u32 = 0x5354_554e;
/// How many attributes are looked at: those of any known request are fewer.
const MAX_ATTRIBUTES: usize = 64;

/// Whether a datagram that begins so may be a STUN message.
pub fn is_stun(first: u8) -> bool {
    first >> 6 == 0
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Binding,
    Allocate,
    Refresh,
    Send,
    Data,
    CreatePermission,
    ChannelBind,
    /// One that this server does not know.
    Other(u16),
}

impl Method {
    fn of(number: u16) -> Self {
        match number {
            1 => Self::Binding,
            3 => Self::Allocate,
            4 => Self::Refresh,
            6 => Self::Send,
            7 => Self::Data,
            8 => Self::CreatePermission,
            9 => Self::ChannelBind,
            other => Self::Other(other),
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Binding => 1,
            Self::Allocate => 3,
            Self::Refresh => 4,
            Self::Send => 6,
            Self::Data => 7,
            Self::CreatePermission => 8,
            Self::ChannelBind => 9,
            Self::Other(number) => number,
        }
    }
}

/// The first two bytes of a message: the bits of the class stand among those of the method.
pub(super) fn message_type(class: Class, method: Method) -> u16 {
    let class: u16 = match class {
        Class::Request => 0,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    let method = method.number();
    (method & 0x000F) | (method & 0x0070) << 1 | (method & 0x0F80) << 2 | class
}

/// A message that is well-formed: its attributes end where it ends, and its checksum is right if it has one.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// Where the signature begins, or the message ends: what stands after a signature is not signed, and not looked at.
    signature: usize,
    has_fingerprint: bool,
}

impl<'a> Message<'a> {
    /// Reads a datagram, or a message of a stream.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_whole = is_stun(header[0])
            && header[4..8] == MAGIC_COOKIE.to_be_bytes()
            && length.is_multiple_of(4)
            && bytes.len() == HEADER + length;
        if !is_whole {
            return None;
        }
        let mut message = Self { bytes, signature: bytes.len(), has_fingerprint: false };
        let mut is_signed = false;
        let mut at = HEADER;
        for _ in 0..MAX_ATTRIBUTES {
            if at == bytes.len() {
                return Some(message);
            }
            let (kind, value) = attribute_at(bytes, at)?;
            let next = at + 4 + value.len().next_multiple_of(4);
            match kind {
                MESSAGE_INTEGRITY if !is_signed => (message.signature, is_signed) = (at, true),
                FINGERPRINT => {
                    let sum = crc32fast::hash(&bytes[..at]) ^ FINGERPRINT_MASK;
                    if next != bytes.len() || value != sum.to_be_bytes() {
                        return None;
                    }
                    message.has_fingerprint = true;
                }
                _ => {}
            }
            at = next;
        }
        None
    }

    pub fn class(&self) -> Class {
        match (self.bytes[0] & 1, self.bytes[1] & 0x10) {
            (0, 0) => Class::Request,
            (0, _) => Class::Indication,
            (_, 0) => Class::Success,
            (_, _) => Class::Error,
        }
    }

    pub fn method(&self) -> Method {
        let bits = u16::from_be_bytes([self.bytes[0], self.bytes[1]]);
        Method::of((bits & 0x000F) | (bits & 0x00E0) >> 1 | (bits & 0x3E00) >> 2)
    }

    pub fn transaction(&self) -> TransactionId {
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&self.bytes[8..HEADER]);
        transaction
    }

    /// Whether it ends with a checksum; then an answer to it does as well.
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// All attributes up to the signature, as type and value.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let (bytes, end) = (self.bytes, self.signature);
        let mut at = HEADER;
        std::iter::from_fn(move || {
            let (kind, value) = (at < end).then(|| attribute_at(bytes, at))??;
            at += 4 + value.len().next_multiple_of(4);
            Some((kind, value))
        })
    }

    /// The value of an attribute: that which stands first counts.
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// The number that an attribute has in four bytes.
    pub fn number(&self, kind: u16) -> Option<u32> {
        self.get(kind)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// Whether it has a signature.
    pub fn is_signed(&self) -> bool {
        self.signature < self.bytes.len()
    }

    /// Whether its signature was made with that key (RFC 8489, section 14.5).
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        let Some((MESSAGE_INTEGRITY, signature)) = attribute_at(self.bytes, self.signature) else {
            return false;
        };
        signed(key, &self.bytes[..self.signature]).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }
}

/// The signature over a message up to where that will stand; the length in the header is the one with it.
pub(super) fn signed(key: &[u8], before: &[u8]) -> Option<Hmac<Sha1>> {
    let length = u16::try_from(before.len() - HEADER + 4 + SIGNATURE).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    mac.update(&before[..2]);
    mac.update(&length.to_be_bytes());
    mac.update(&before[4..]);
    Some(mac)
}

fn attribute_at(bytes: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let (&[a, b, c, d], rest) = bytes.get(at..)?.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([c, d]));
    // What pads the value is there as well.
    rest.get(..length.next_multiple_of(4))?;
    Some((u16::from_be_bytes([a, b]), &rest[..length]))
}
