//! Data, from clients to peers and back (RFC 8656, section 11 and 12).

use std::net::SocketAddr;

use crate::{
    allocation::{FiveTuple, Transport},
    allocations::Way,
    turn::{Action, Turn},
    wire::{
        ChannelData, Class, HEADER, Message, Method, TransactionId, Writer,
        attribute::{DATA, XOR_PEER_ADDRESS},
        xor_address,
    },
};

/// The longest that stands before data: the header, a peer's IPv6 address and the beginning of the attribute.
pub(crate) const PRELUDE: usize = HEADER + 24 + 4;

/// What goes to a client before a peer's data, and after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prelude {
    bytes: [u8; PRELUDE],
    length: usize,
    /// How many zeros follow the data.
    pub(crate) padding: usize,
}

impl Prelude {
    fn new(bytes: &[u8], padding: usize) -> Self {
        let mut prelude = Self { bytes: [0; PRELUDE], length: bytes.len(), padding };
        prelude.bytes[..bytes.len()].copy_from_slice(bytes);
        prelude
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// All of the message.
    pub(crate) fn with(&self, data: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.length + data.len() + self.padding);
        message.extend(self.bytes());
        message.extend(data);
        message.resize(message.len() + self.padding, 0);
        message
    }
}

/// Numbers of indications, none of which is answered: they only differ.
#[derive(Debug)]
pub(crate) struct Transactions(u128);

impl From<[u8; 12]> for Transactions {
    fn from(first: [u8; 12]) -> Self {
        let mut number = [0; 16];
        number[4..].copy_from_slice(&first);
        Self(u128::from_be_bytes(number))
    }
}

impl Transactions {
    fn next(&mut self) -> TransactionId {
        self.0 = self.0.wrapping_add(1);
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&self.0.to_be_bytes()[4..]);
        transaction
    }
}

impl<C: Clone, R: Clone> Turn<C, R> {
    pub(crate) fn channel_sent<'a>(
        &mut self,
        from: FiveTuple,
        ChannelData { channel, data }: ChannelData<'a>,
        now_ms: u64,
    ) -> Action<'a, C, R> {
        let peer =
            self.allocations.get(&from, now_ms).and_then(|allocation| allocation.peers.peer(channel, now_ms));
        peer.map_or(Action::Nothing, |peer| self.send_to_peer(from, peer, data, now_ms))
    }

    pub(crate) fn indication_sent<'a>(
        &mut self,
        from: FiveTuple,
        message: &Message<'a>,
        now_ms: u64,
    ) -> Action<'a, C, R> {
        let peer = message.get(XOR_PEER_ADDRESS);
        let peer = peer.and_then(|peer| xor_address(peer, &message.transaction()));
        let (Some(peer), Some(data)) = (peer, message.get(DATA)) else { return Action::Nothing };
        self.send_to_peer(from, peer, data, now_ms)
    }

    fn send_to_peer<'a>(
        &mut self,
        from: FiveTuple,
        peer: SocketAddr,
        data: &'a [u8],
        now_ms: u64,
    ) -> Action<'a, C, R> {
        let Some(allocation) = self.allocations.get(&from, now_ms) else { return Action::Nothing };
        if !allocation.peers.permits(peer.ip(), now_ms) {
            return Action::Nothing;
        }
        let (user, relay, relayed) = (allocation.user.clone(), allocation.relay.clone(), allocation.relayed);
        if !self.allocations.take_bytes(&user, Way::Out, data.len(), now_ms) {
            metrics::counter!("hearth_turn_dropped_total", "why" => "bandwidth").increment(1);
            return Action::Nothing;
        }
        if self.peers.is_relay(peer.ip()) {
            // The network may not lead back to this machine; and where it does, only relays may be reached.
            if let Some((client, prelude)) = self.peer_sent(peer, relayed, data.len(), now_ms) {
                return Action::ToClient { client, prelude, data };
            }
            if !self.peers.allow_private_networks {
                return Action::Nothing;
            }
        }
        Action::ToPeer { relay, peer, data }
    }

    /// A peer sent data of that length to a relay. Gives the client that gets it, and what stands around it.
    pub(crate) fn peer_sent(
        &mut self,
        relayed: SocketAddr,
        peer: SocketAddr,
        length: usize,
        now_ms: u64,
    ) -> Option<(C, Prelude)> {
        let length_on_wire = u16::try_from(length).ok()?;
        let (to, allocation) = self.allocations.at(relayed, now_ms)?;
        if !allocation.peers.permits(peer.ip(), now_ms) {
            return None;
        }
        let channel = allocation.peers.channel(peer, now_ms);
        let (user, client) = (allocation.user.clone(), allocation.client.clone());
        if !self.allocations.take_bytes(&user, Way::In, length, now_ms) {
            metrics::counter!("hearth_turn_dropped_total", "why" => "bandwidth").increment(1);
            return None;
        }
        let padding = length.next_multiple_of(4) - length;
        let prelude = match channel {
            // A datagram says itself where it ends.
            Some(channel) => Prelude::new(
                &ChannelData::header(channel, length_on_wire),
                if to.transport == Transport::Udp { 0 } else { padding },
            ),
            None => Prelude::new(&self.data_indication(peer, length_on_wire)?, padding),
        };
        Some((client, prelude))
    }

    /// A Data indication up to its data.
    fn data_indication(&mut self, peer: SocketAddr, length: u16) -> Option<Vec<u8>> {
        let mut bytes = Writer::new(Class::Indication, Method::Data, self.transactions.next())
            .address(XOR_PEER_ADDRESS, peer)
            .attribute(DATA, &[])
            .finish();
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&length.to_be_bytes());
        let whole = bytes.len() - HEADER + usize::from(length).next_multiple_of(4);
        bytes[2..4].copy_from_slice(&u16::try_from(whole).ok()?.to_be_bytes());
        Some(bytes)
    }
}
