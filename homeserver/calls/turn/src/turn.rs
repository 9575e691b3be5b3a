//! The TURN server itself: what comes goes in, what is to be done comes out.

use std::{net::SocketAddr, sync::Arc};

use hearth_storage::Random;

use crate::{
    allocation::FiveTuple,
    allocations::{Allocations, Machine},
    buckets::Strangers,
    nonce::Nonces,
    options::TurnOptions,
    peers::Peers,
    relaying::{Prelude, Transactions},
    wire::{ChannelData, Class, Message, Method, is_channel_data},
};

/// What time it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Milliseconds since the server began; it only goes on. What takes time is measured by it.
    pub(crate) ms: u64,
    /// Seconds since the Unix epoch, which say whether credentials are still good.
    pub(crate) unix_s: u64,
}

/// What is to be done with what a client sent.
#[derive(Debug)]
pub(crate) enum Action<'a, C, R> {
    Nothing,
    /// To the same client.
    Answer(Vec<u8>),
    /// From this socket to that address.
    ToPeer {
        relay: R,
        peer: SocketAddr,
        data: &'a [u8],
    },
    /// To another client, whose relay is the peer.
    ToClient {
        client: C,
        prelude: Prelude,
        data: &'a [u8],
    },
}

/// All of a TURN server but its sockets. `C` is the way to a client, `R` a socket that peers see.
pub(crate) struct Turn<C, R> {
    pub(crate) realm: String,
    pub(crate) secret: Vec<u8>,
    pub(crate) peers: Peers,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) nonces: Nonces,
    pub(crate) strangers: Strangers,
    pub(crate) transactions: Transactions,
    pub(crate) allocations: Allocations<C, R>,
}

impl<C: Clone, R: Clone> Turn<C, R> {
    pub(crate) fn new(options: TurnOptions, random: Arc<dyn Random>) -> Self {
        let (mut key, mut first) = ([0; 32], [0; 12]);
        random.fill(&mut key);
        random.fill(&mut first);
        Self {
            realm: options.realm,
            secret: options.secret,
            peers: Peers { relayed: options.relayed, allow_private_networks: options.allow_private_networks },
            random,
            nonces: Nonces::new(key),
            strangers: Strangers::default(),
            transactions: Transactions::from(first),
            allocations: Allocations::new(
                options.ports,
                options.max_allocations,
                options.user_bytes_per_second,
            ),
        }
    }

    /// A client sent a message: a datagram, or one of a stream. What makes no sense is not answered.
    pub(crate) fn client_sent<'a>(
        &mut self,
        from: FiveTuple,
        client: &C,
        bytes: &'a [u8],
        at: Moment,
        machine: &dyn Machine<R>,
    ) -> Action<'a, C, R> {
        if bytes.first().copied().is_some_and(is_channel_data) {
            let data = ChannelData::parse(bytes);
            return data.map_or(Action::Nothing, |data| self.channel_sent(from, data, at.ms));
        }
        let Some(message) = Message::parse(bytes) else { return Action::Nothing };
        match (message.class(), message.method()) {
            (Class::Indication, Method::Send) => self.indication_sent(from, &message, at.ms),
            (Class::Request, _) => match self.request(from, client, &message, at, machine) {
                Some(answer) => Action::Answer(answer),
                None => Action::Nothing,
            },
            _ => Action::Nothing,
        }
    }

    /// A client's connection is gone.
    pub(crate) fn gone(&mut self, client: &FiveTuple) {
        self.allocations.remove(client);
    }
}
