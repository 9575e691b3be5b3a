//! The types of attributes (RFC 8489, section 18.3; RFC 8656, section 18), and the codes of errors.

pub const USERNAME: u16 = 0x0006;
pub const MESSAGE_INTEGRITY: u16 = 0x0008;
pub const ERROR_CODE: u16 = 0x0009;
pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
pub const CHANNEL_NUMBER: u16 = 0x000C;
pub const LIFETIME: u16 = 0x000D;
pub const XOR_PEER_ADDRESS: u16 = 0x0012;
pub const DATA: u16 = 0x0013;
pub const REALM: u16 = 0x0014;
pub const NONCE: u16 = 0x0015;
pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
pub const EVEN_PORT: u16 = 0x0018;
pub const REQUESTED_TRANSPORT: u16 = 0x0019;
pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub const RESERVATION_TOKEN: u16 = 0x0022;
pub const FINGERPRINT: u16 = 0x8028;

/// Attributes from here on may be passed over by who does not know them.
pub const FIRST_OPTIONAL: u16 = 0x8000;

/// Why a request was refused (RFC 8489, section 14.8; RFC 8656, section 19). The reason that goes with it is a word, as
/// an answer to a stranger must not be much larger than the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BadRequest,
    Unauthorized,
    Forbidden,
    UnknownAttribute,
    AllocationMismatch,
    StaleNonce,
    AddressFamilyNotSupported,
    WrongCredentials,
    UnsupportedTransport,
    PeerAddressFamilyMismatch,
    AllocationQuotaReached,
    InsufficientCapacity,
}

impl Refusal {
    /// The code, and the reason.
    pub fn code(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "Bad"),
            Self::Unauthorized => (401, "Who"),
            Self::Forbidden => (403, "Forbidden"),
            Self::UnknownAttribute => (420, "Unknown"),
            Self::AllocationMismatch => (437, "Mismatch"),
            Self::StaleNonce => (438, "Stale"),
            Self::AddressFamilyNotSupported => (440, "Family"),
            Self::WrongCredentials => (441, "Wrong credentials"),
            Self::UnsupportedTransport => (442, "Transport"),
            Self::PeerAddressFamilyMismatch => (443, "Family"),
            Self::AllocationQuotaReached => (486, "Quota"),
            Self::InsufficientCapacity => (508, "Capacity"),
        }
    }
}
