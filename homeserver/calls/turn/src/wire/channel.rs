//! Channel data: a message to or from a peer with four bytes before it (RFC 8656, section 12.4).

/// The length of the header.
pub(super) const HEADER: usize = 4;

/// Whether a message that begins so is channel data. The numbers of channels are 0x4000 to 0x4FFF; those up to 0x7FFF were
/// before RFC 8656, and there are clients that use them.
pub fn is_channel_data(first: u8) -> bool {
    first >> 6 == 1
}

/// Channel data that came whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelData<'a> {
    pub channel: u16,
    pub data: &'a [u8],
}

impl<'a> ChannelData<'a> {
    /// Reads a datagram, or a message of a stream; what is after the data pads it.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[first, second, high, low], rest) = bytes.split_first_chunk::<HEADER>()?;
        let data = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
        is_channel_data(first).then(|| Self { channel: u16::from_be_bytes([first, second]), data })
    }

    /// What goes before data of that length.
    pub fn header(channel: u16, length: u16) -> [u8; HEADER] {
        let ([a, b], [c, d]) = (channel.to_be_bytes(), length.to_be_bytes());
        [a, b, c, d]
    }
}
