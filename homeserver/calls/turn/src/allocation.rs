//! A relay of one client, and with whom it exchanges data (RFC 8656, section 3.2 and 9 to 12).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use crate::wire::{TransactionId, attribute::Refusal};

/// How long a permission holds (RFC 8656, section 9), in milliseconds.
const PERMISSION_MS: u64 = 5 * 60 * 1000;
/// How long a channel holds (section 12), in milliseconds.
const CHANNEL_MS: u64 = 10 * 60 * 1000;
/// How many of each one relay has. A call among two has a dozen.
pub(crate) const MAX_PERMISSIONS: usize = 64;
pub(crate) const MAX_CHANNELS: usize = 64;
/// The numbers of channels, those of before RFC 8656 included.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7FFF;

/// How a client reaches this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// Whose a relay is: what is left of the five-tuple, as this server has one address for each transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FiveTuple {
    pub(crate) transport: Transport,
    pub(crate) client: SocketAddr,
}

/// A relay of a client: `C` is the way to the client, `R` the socket that peers see.
#[derive(Debug)]
pub(crate) struct Allocation<C, R> {
    /// Who has it, as the quotas count.
    pub(crate) user: Arc<str>,
    /// The name of the credentials that it was made with.
    pub(crate) username: Box<str>,
    /// The request that made it: it comes again if its answer is lost.
    pub(crate) transaction: TransactionId,
    /// The port after this one, if it was kept for the client.
    pub(crate) reservation: Option<[u8; 8]>,
    pub(crate) client: C,
    pub(crate) relay: R,
    /// Where peers reach it.
    pub(crate) relayed: SocketAddr,
    pub(crate) begun_ms: u64,
    pub(crate) ends_ms: u64,
    pub(crate) peers: Exchanges,
}

/// The peers that a relay exchanges data with.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Permission {
    peer: IpAddr,
    ends_ms: u64,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    ends_ms: u64,
}

impl Exchanges {
    /// Whether data may come from that address, and go there.
    pub(crate) fn permits(&self, peer: IpAddr, now_ms: u64) -> bool {
        self.permissions.iter().any(|permission| permission.peer == peer && permission.ends_ms > now_ms)
    }

    /// Permits an address, or permits it for longer.
    ///
    /// # Errors
    /// [`Refusal::InsufficientCapacity`] when there are too many.
    pub(crate) fn permit(&mut self, peer: IpAddr, now_ms: u64) -> Result<(), Refusal> {
        self.permissions.retain(|permission| permission.ends_ms > now_ms && permission.peer != peer);
        if self.permissions.len() >= MAX_PERMISSIONS {
            return Err(Refusal::InsufficientCapacity);
        }
        self.permissions.push(Permission { peer, ends_ms: now_ms + PERMISSION_MS });
        Ok(())
    }

    /// Binds a channel to a peer, or binds it for longer; and permits the peer.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a number that is none, or when one of both is bound to another;
    /// [`Refusal::InsufficientCapacity`] when there are too many.
    pub(crate) fn bind(&mut self, number: u16, peer: SocketAddr, now_ms: u64) -> Result<(), Refusal> {
        self.channels.retain(|channel| channel.ends_ms > now_ms);
        let bound = self.channels.iter().position(|channel| channel.number == number || channel.peer == peer);
        let is_same = |at: usize| (self.channels[at].number, self.channels[at].peer) == (number, peer);
        if !CHANNELS.contains(&number) || bound.is_some_and(|at| !is_same(at)) {
            return Err(Refusal::BadRequest);
        }
        if bound.is_none() && self.channels.len() >= MAX_CHANNELS {
            return Err(Refusal::InsufficientCapacity);
        }
        self.permit(peer.ip(), now_ms)?;
        let ends_ms = now_ms + CHANNEL_MS;
        match bound {
            Some(at) => self.channels[at].ends_ms = ends_ms,
            None => self.channels.push(Channel { number, peer, ends_ms }),
        }
        Ok(())
    }

    /// The peer of a channel.
    pub(crate) fn peer(&self, number: u16, now_ms: u64) -> Option<SocketAddr> {
        let is_it = |channel: &&Channel| channel.number == number && channel.ends_ms > now_ms;
        self.channels.iter().find(is_it).map(|channel| channel.peer)
    }

    /// The channel of a peer.
    pub(crate) fn channel(&self, peer: SocketAddr, now_ms: u64) -> Option<u16> {
        let is_it = |channel: &&Channel| channel.peer == peer && channel.ends_ms > now_ms;
        self.channels.iter().find(is_it).map(|channel| channel.number)
    }

    /// How many permissions and channels there are.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.permissions.len(), self.channels.len())
    }
}
