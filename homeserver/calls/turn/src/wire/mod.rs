//! STUN messages and channel data, as they are on the wire.

mod address;
pub mod attribute;
mod channel;
mod message;
mod writer;

#[cfg(test)]
mod tests;

pub use self::{
    address::{xor_address, xored_address},
    channel::{ChannelData, is_channel_data},
    message::{Class, Message, Method, TransactionId, is_stun},
    writer::Writer,
};

/// The length of a STUN message's header.
pub const HEADER: usize = 20;
/// What every STUN message has at its fifth byte.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// How long the message at the beginning of a stream is, with what pads it (RFC 8656, section 3.2 and 12.5): `None` if
/// too little has come to know.
///
/// # Errors
/// What is neither a STUN message nor channel data: nobody knows where the next one begins.
pub fn length_in_stream(bytes: &[u8]) -> Result<Option<usize>, NotStun> {
    let [first, _, high, low, ..] = *bytes else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if is_channel_data(first) {
        return Ok(Some(channel::HEADER + length.next_multiple_of(4)));
    }
    match is_stun(first) && length.is_multiple_of(4) {
        true => Ok(Some(HEADER + length)),
        false => Err(NotStun),
    }
}

/// What came is no STUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a STUN message nor channel data")]
pub struct NotStun;
