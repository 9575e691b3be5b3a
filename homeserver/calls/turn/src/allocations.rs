//! All relays, within their bounds.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
};

use crate::{
    allocation::{Allocation, FiveTuple},
    buckets::{Bucket, Rate},
    wire::attribute::Refusal,
};

/// How many relays one user has. A call of one device takes a handful: one for each way to this server, and for each
/// address of the device.
pub(crate) const MAX_OF_USER: usize = 64;
/// How long a port is kept for who reserved it (RFC 8656, section 7.2), in milliseconds.
const RESERVATION_MS: u64 = 30_000;
/// How many ports are tried: they are chosen at random, so that nobody knows which comes next.
const TRIES: usize = 64;

/// The machine that relays are on.
pub(crate) trait Machine<R> {
    /// Opens a socket for peers of that family at a port, unless another program has it.
    fn open(&self, is_ipv6: bool, port: u16) -> Option<R>;

    /// Whether an address is this machine's.
    fn is_own(&self, address: IpAddr) -> bool;
}

/// What a new relay is to be like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// Any port, at this address.
    Any(IpAddr),
    /// An even one.
    Even(IpAddr),
    /// An even one, and the one after it is kept for the client as well.
    Pair(IpAddr),
    /// The port that was kept.
    Reserved([u8; 8]),
}

/// A socket for a relay, and what may have been kept with it.
#[derive(Debug)]
pub(crate) struct Opened<R> {
    pub(crate) relay: R,
    pub(crate) relayed: SocketAddr,
    pub(crate) reservation: Option<[u8; 8]>,
}

/// All relays. `C` is the way to a client, `R` a socket that peers see, which is closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Allocations<C, R> {
    ports: RangeInclusive<u16>,
    most: usize,
    rate: Rate,
    by_client: HashMap<FiveTuple, Allocation<C, R>>,
    by_relayed: HashMap<SocketAddr, FiveTuple>,
    reserved: HashMap<[u8; 8], Reservation<R>>,
    users: HashMap<Arc<str>, User>,
    /// How many bytes went to peers, and to clients.
    relayed_bytes: [u64; 2],
}

#[derive(Debug)]
struct Reservation<R> {
    user: Arc<str>,
    relay: R,
    relayed: SocketAddr,
    ends_ms: u64,
}

/// What one user holds.
#[derive(Debug, Default)]
struct User {
    /// Relays, and ports that are kept.
    held: usize,
    sent: Bucket,
    received: Bucket,
}

/// The way that data takes, as seen from the user.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Out,
    In,
}

impl<C, R> Allocations<C, R> {
    pub(crate) fn new(ports: RangeInclusive<u16>, most: usize, user_bytes_per_second: u64) -> Self {
        Self {
            ports,
            most,
            rate: Rate { per_second: user_bytes_per_second, burst: user_bytes_per_second },
            by_client: HashMap::new(),
            by_relayed: HashMap::new(),
            reserved: HashMap::new(),
            users: HashMap::new(),
            relayed_bytes: [0; 2],
        }
    }

    /// A client's relay.
    pub(crate) fn get(&self, client: &FiveTuple, now_ms: u64) -> Option<&Allocation<C, R>> {
        self.by_client.get(client).filter(|allocation| allocation.ends_ms > now_ms)
    }

    pub(crate) fn get_mut(&mut self, client: &FiveTuple, now_ms: u64) -> Option<&mut Allocation<C, R>> {
        self.by_client.get_mut(client).filter(|allocation| allocation.ends_ms > now_ms)
    }

    /// The relay that peers see at that address, and whose it is.
    pub(crate) fn at(&self, relayed: SocketAddr, now_ms: u64) -> Option<(FiveTuple, &Allocation<C, R>)> {
        let client = self.by_relayed.get(&relayed)?;
        Some((*client, self.get(client, now_ms)?))
    }

    /// How many relays there are.
    pub(crate) fn len(&self) -> usize {
        self.by_client.len()
    }

    /// Counts so many bytes that a user sends or gets. Says whether it may be.
    pub(crate) fn take_bytes(&mut self, user: &str, way: Way, bytes: usize, now_ms: u64) -> bool {
        let Some(user) = self.users.get_mut(user) else { return false };
        let ([out, into], bytes) = (&mut self.relayed_bytes, bytes as u64);
        let (bucket, all) = match way {
            Way::Out => (&mut user.sent, out),
            Way::In => (&mut user.received, into),
        };
        let may_be = bucket.take(bytes, self.rate, now_ms);
        *all += if may_be { bytes } else { 0 };
        may_be
    }

    /// How many bytes went to peers, and to clients.
    pub(crate) fn relayed_bytes(&self) -> [u64; 2] {
        self.relayed_bytes
    }

    /// Opens a socket for a user, who holds it from now on. `random` chooses the port, and the token of what is kept.
    ///
    /// # Errors
    /// [`Refusal::AllocationQuotaReached`] when the user has too many, [`Refusal::InsufficientCapacity`] when all have
    /// or nothing can be opened, or what was kept is not any more.
    pub(crate) fn open(
        &mut self,
        user: &str,
        wanted: Wanted,
        random: [u8; 16],
        now_ms: u64,
        machine: &dyn Machine<R>,
    ) -> Result<Opened<R>, Refusal> {
        let (address, step, is_pair) = match wanted {
            Wanted::Any(address) => (address, 1, false),
            Wanted::Even(address) => (address, 2, false),
            Wanted::Pair(address) => (address, 2, true),
            // Its user holds it already.
            Wanted::Reserved(token) => return self.take_reserved(user, token, now_ms),
        };
        let count = 1 + usize::from(is_pair);
        if self.users.get(user).map_or(0, |user| user.held) + count > MAX_OF_USER {
            return Err(Refusal::AllocationQuotaReached);
        }
        if self.by_client.len() + self.reserved.len() + count > self.most {
            return Err(Refusal::InsufficientCapacity);
        }
        let [a, b, token @ ..] = random;
        let token: [u8; 8] = token.first_chunk().copied().unwrap_or_default();
        let used = self.ports_at(address);
        let is_free = |port: u16| self.ports.contains(&port) && !used.contains(&port);
        let open = |port: u16| {
            let relay = machine.open(address.is_ipv6(), port)?;
            let next = if is_pair { Some(machine.open(address.is_ipv6(), port + 1)?) } else { None };
            Some((port, relay, next))
        };
        let (port, relay, next) = candidates(&self.ports, u16::from_be_bytes([a, b]), step)
            .filter(|port| is_free(*port) && (!is_pair || is_free(port.saturating_add(1))))
            .take(TRIES)
            .find_map(open)
            .ok_or(Refusal::InsufficientCapacity)?;
        let user = self.hold(user, count);
        let reservation = next.map(|relay| {
            let relayed = SocketAddr::new(address, port + 1);
            self.reserved
                .insert(token, Reservation { user, relay, relayed, ends_ms: now_ms + RESERVATION_MS });
            token
        });
        Ok(Opened { relay, relayed: SocketAddr::new(address, port), reservation })
    }

    fn take_reserved(&mut self, user: &str, token: [u8; 8], now_ms: u64) -> Result<Opened<R>, Refusal> {
        match self.reserved.entry(token) {
            Entry::Occupied(kept) if &*kept.get().user == user && kept.get().ends_ms > now_ms => {
                let Reservation { relay, relayed, .. } = kept.remove();
                Ok(Opened { relay, relayed, reservation: None })
            }
            _ => Err(Refusal::InsufficientCapacity),
        }
    }

    /// The ports that relays have at an address.
    fn ports_at(&self, address: IpAddr) -> HashSet<u16> {
        let reserved = self.reserved.values().map(|kept| &kept.relayed);
        let relayed = self.by_relayed.keys().chain(reserved);
        relayed.filter(|relayed| relayed.ip() == address).map(SocketAddr::port).collect()
    }

    fn hold(&mut self, user: &str, count: usize) -> Arc<str> {
        let known = self.users.get_key_value(user).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| user.into());
        self.users.entry(name.clone()).or_default().held += count;
        name
    }

    /// Puts in a relay whose socket was opened.
    pub(crate) fn insert(&mut self, client: FiveTuple, allocation: Allocation<C, R>) {
        self.by_relayed.insert(allocation.relayed, client);
        if let Some(earlier) = self.by_client.insert(client, allocation) {
            self.release(earlier.user, Some(earlier.relayed));
        }
    }

    /// Takes a client's relay away.
    pub(crate) fn remove(&mut self, client: &FiveTuple) {
        if let Some(allocation) = self.by_client.remove(client) {
            self.release(allocation.user, Some(allocation.relayed));
        }
    }

    fn release(&mut self, user: Arc<str>, relayed: Option<SocketAddr>) {
        if let Some(relayed) = relayed {
            self.by_relayed.remove(&relayed);
        }
        if let Some(user) = self.users.get_mut(&user) {
            user.held = user.held.saturating_sub(1);
        }
    }

    /// Takes away what has ended, and forgets users who hold nothing. To be called each second: by then a user's
    /// buckets are full again.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        let over = |(client, allocation): (&FiveTuple, &Allocation<C, R>)| {
            (allocation.ends_ms <= now_ms).then_some(*client)
        };
        for client in self.by_client.iter().filter_map(over).collect::<Vec<_>>() {
            self.remove(&client);
        }
        let over = |(token, kept): (&[u8; 8], &Reservation<R>)| (kept.ends_ms <= now_ms).then_some(*token);
        for token in self.reserved.iter().filter_map(over).collect::<Vec<_>>() {
            if let Some(kept) = self.reserved.remove(&token) {
                self.release(kept.user, None);
            }
        }
        self.users.retain(|_, user| user.held > 0);
    }

    /// Panics unless the parts agree with each other, and with the bounds.
    #[cfg(test)]
    pub(crate) fn verify(&self) {
        assert!(self.by_client.len() + self.reserved.len() <= self.most);
        assert_eq!(self.by_relayed.len(), self.by_client.len());
        let mut held: HashMap<&str, usize> = HashMap::new();
        for (client, allocation) in &self.by_client {
            assert_eq!(self.by_relayed[&allocation.relayed], *client);
            assert!(self.ports.contains(&allocation.relayed.port()));
            let (permissions, channels) = allocation.peers.counts();
            assert!(
                permissions <= crate::allocation::MAX_PERMISSIONS
                    && channels <= crate::allocation::MAX_CHANNELS
            );
            *held.entry(&allocation.user).or_default() += 1;
        }
        for kept in self.reserved.values() {
            assert!(
                self.ports.contains(&kept.relayed.port()) && !self.by_relayed.contains_key(&kept.relayed)
            );
            *held.entry(&kept.user).or_default() += 1;
        }
        for (name, user) in &self.users {
            assert_eq!(user.held, held.remove(&**name).unwrap_or(0), "{name}");
            assert!(user.held <= MAX_OF_USER);
        }
        assert!(held.is_empty(), "{held:?}");
    }
}

/// The ports of a range, each second one if `step` is 2 (the even ones), from one that `random` chooses.
fn candidates(ports: &RangeInclusive<u16>, random: u16, step: u16) -> impl Iterator<Item = u16> + use<> {
    let first = ports.start().next_multiple_of(step);
    let count = (u32::from(*ports.end()) + 1).saturating_sub(u32::from(first)).div_ceil(u32::from(step));
    (0..count).map(move |place| first + ((place + u32::from(random)) % count) as u16 * step)
}
