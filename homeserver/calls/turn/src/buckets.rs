//! Buckets that fill with time: how much somebody may have.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr},
};

/// One bucket. A new one is full.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    taken: u64,
    at_ms: u64,
}

/// How fast buckets fill, and how much is in a full one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) per_second: u64,
    pub(crate) burst: u64,
}

impl Bucket {
    /// Takes so much, if it is there.
    pub(crate) fn take(&mut self, amount: u64, rate: Rate, now_ms: u64) -> bool {
        let back = now_ms.saturating_sub(self.at_ms).saturating_mul(rate.per_second) / 1000;
        // What is less than one is not lost: the time stands still until it is one.
        if back > 0 {
            self.taken = self.taken.saturating_sub(back);
            self.at_ms = now_ms;
        }
        let is_there = self.taken + amount <= rate.burst;
        if is_there {
            self.taken += amount;
        }
        is_there
    }
}

/// How many buckets there are for all strangers together.
const STRANGERS: usize = 1 << 14;

/// How many answers a stranger gets. A packet may come from another address than it says: whoever stands there must not
/// be flooded with answers.
const ANSWERS: Rate = Rate { per_second: 20, burst: 100 };

/// A bucket for each address (an IPv6 network is one) that is not known to be anybody's. Addresses are made up at will:
/// nothing grows with them, those whose hashes are equal share a bucket, and nobody knows whose are.
#[derive(Debug)]
pub(crate) struct Strangers {
    buckets: Vec<Bucket>,
    hasher: RandomState,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { buckets: vec![Bucket::default(); STRANGERS], hasher: RandomState::new() }
    }
}

impl Strangers {
    /// Whether one more answer may go to that address.
    pub(crate) fn may_be_answered(&mut self, address: IpAddr, now_ms: u64) -> bool {
        let place = self.hasher.hash_one(network(address)) as usize % STRANGERS;
        self.buckets[place].take(1, ANSWERS, now_ms)
    }
}

/// An IPv4 address, or the IPv6 network of 64 bits of one subscriber.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_what_comes_back() {
        let rate = Rate { per_second: 10, burst: 5 };
        let mut bucket = Bucket::default();
        let mut taken = |now_ms| (0..100).filter(|_| bucket.take(1, rate, now_ms)).count();
        assert_eq!((taken(0), taken(99), taken(100), taken(1100)), (5, 0, 1, 5));
        // A clock that went back gives nothing.
        assert_eq!(taken(0), 0);
    }

    #[test]
    fn a_network_is_one_stranger() {
        let mut strangers = Strangers::default();
        let mut answers = |address: &str, now_ms| {
            let address = address.parse().unwrap();
            (0..1000).filter(|_| strangers.may_be_answered(address, now_ms)).count()
        };
        assert_eq!(answers("2001:db8::1", 0), 100);
        assert_eq!(answers("2001:db8::ffff:2", 0), 0);
        assert_eq!(answers("2001:db8::3", 1000), 20);
    }
}
