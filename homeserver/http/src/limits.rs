//! Rate limits: a token bucket per who asks and class of endpoint ("Rate limiting" in the specification).

mod class;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use parking_lot::Mutex;
use ruma::{ServerName, UserId};

pub use self::class::{Class, Rate, RateLimits};
use crate::{MatrixError, Result};

/// Whose bucket it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asker<'a> {
    /// Someone who showed an access token.
    User(&'a UserId),
    /// Someone unknown. Whoever has an IPv6 address has a network of them (/64), which is one asker.
    Address(IpAddr),
    /// Someone who says to be this user.
    Claimant(IpAddr, &'a UserId),
    /// A server that signed its request.
    Server(&'a ServerName),
}

/// How long whoever took more than a bucket holds may have to wait for it to fill, in nanoseconds. A clock that was
/// set back makes nobody wait for longer either.
const LONGEST_DEBT: u64 = 3_600_000_000_000;

/// How many buckets one generation holds. There are two, so memory is bounded by twice this many.
const GENERATION: usize = 65_536;

/// All buckets.
///
/// A bucket is one number: the time, in nanoseconds, at which it will be full again. Buckets are forgotten a
/// generation at a time; to be forgotten is to be full again, which errs to the side of who asks.
// A crate for this (governor) keeps every key until it is told to look for idle ones: without a bound in between.
pub struct Limiter {
    limits: Option<RateLimits>,
    hasher: RandomState,
    // Never held across an await; the work under it is a look-up.
    buckets: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
}

impl Limiter {
    /// Buckets of these sizes; with `None` nothing is ever refused.
    pub fn new(limits: Option<RateLimits>) -> Self {
        Self { limits, hasher: RandomState::new(), buckets: Mutex::default() }
    }

    /// Takes a token out of a bucket, or says (`M_LIMIT_EXCEEDED`) after how long there will be one.
    pub fn take(&self, class: Class, asker: Asker<'_>, now_ms: u64) -> Result<()> {
        self.take_many(class, asker, 1, now_ms)
    }

    /// The same out of a bucket of another size than others have.
    pub fn take_at(&self, rate: Rate, class: Class, asker: Asker<'_>, now_ms: u64) -> Result<()> {
        match &self.limits {
            Some(_) => self.take_of(rate, class, asker, 1, now_ms),
            None => Ok(()),
        }
    }

    /// Takes so many tokens at once. A full bucket is enough for any number, and is empty for the longer after it.
    pub fn take_many(&self, class: Class, asker: Asker<'_>, tokens: u32, now_ms: u64) -> Result<()> {
        match &self.limits {
            Some(limits) => self.take_of(limits.of(class), class, asker, tokens, now_ms),
            None => Ok(()),
        }
    }

    fn take_of(&self, rate: Rate, class: Class, asker: Asker<'_>, tokens: u32, now_ms: u64) -> Result<()> {
        let depth = rate.nanoseconds(rate.burst);
        let now = now_ms.saturating_mul(1_000_000);

        let key = self.key(class, asker);
        let mut buckets = self.buckets.lock();
        let full_at = buckets.full_at(key).clamp(now, now.saturating_add(depth + LONGEST_DEBT));
        let enough_at =
            full_at.saturating_add(rate.nanoseconds(tokens.min(rate.burst))).saturating_sub(depth);
        if enough_at > now {
            metrics::counter!("hearth_rate_limited_total", "class" => class.name()).increment(1);
            return Err(MatrixError::limit_exceeded(Duration::from_nanos(enough_at - now)));
        }
        let after = full_at.saturating_add(rate.nanoseconds(tokens));
        buckets.set(key, after);
        Ok(())
    }

    /// Gives a token back: whoever knew the password did not guess it.
    pub fn give_back(&self, class: Class, asker: Asker<'_>) {
        let Some(limits) = &self.limits else { return };
        let key = self.key(class, asker);
        let mut buckets = self.buckets.lock();
        let full_at = buckets.full_at(key).saturating_sub(limits.of(class).nanoseconds(1));
        buckets.set(key, full_at);
    }

    fn key(&self, class: Class, asker: Asker<'_>) -> u64 {
        let asker = match asker {
            Asker::Address(address) => Asker::Address(network(address)),
            Asker::Claimant(address, user) => Asker::Claimant(network(address), user),
            known => known,
        };
        self.hasher.hash_one((class, asker))
    }
}

/// The network whose addresses are one asker's.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

impl Generations {
    fn full_at(&self, key: u64) -> u64 {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied().unwrap_or(0)
    }

    fn set(&mut self, key: u64, full_at: u64) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, full_at);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(Some(RateLimits::default().with(Class::Login, Rate { per_second: 2.0, burst: 3 })))
    }

    const ME: Asker<'_> = Asker::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn a_burst_then_the_rate() {
        let limiter = limiter();
        for _ in 0..3 {
            limiter.take(Class::Login, ME, 1_000).unwrap();
        }
        let refused = limiter.take(Class::Login, ME, 1_000).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_millis(500)));
        limiter.take(Class::Login, ME, 1_500).unwrap();
        limiter.take(Class::Login, ME, 1_500).unwrap_err();
    }

    #[test]
    fn what_was_given_back_was_not_taken() {
        let limiter = limiter();
        for _ in 0..100 {
            limiter.take(Class::Login, ME, 1_000).unwrap();
            limiter.give_back(Class::Login, ME);
        }
        for _ in 0..3 {
            limiter.take(Class::Login, ME, 1_000).unwrap();
        }
        limiter.take(Class::Login, ME, 1_000).unwrap_err();
    }

    #[test]
    fn whoever_takes_more_than_a_bucket_holds_waits_for_all_of_it() {
        let limiter = limiter();
        limiter.take_many(Class::Login, ME, 100, 1_000).unwrap();
        let refused = limiter.take(Class::Login, ME, 1_000).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_millis(49_000)));
        limiter.take_many(Class::Login, ME, 100, 50_000).unwrap_err();
        limiter.take_many(Class::Login, ME, 100, 51_000).unwrap();
    }

    #[test]
    fn a_clock_that_is_set_back_locks_out_nobody_for_longer_than_a_debt() {
        let limiter = limiter();
        limiter.take(Class::Login, ME, 1_000_000_000_000).unwrap();
        let refused = limiter.take(Class::Login, ME, 1_000).unwrap_err();
        assert!(refused.retry_after.unwrap() <= Duration::from_nanos(LONGEST_DEBT + 1_000_000_000));
    }

    #[test]
    fn classes_and_askers_have_buckets_of_their_own() {
        let limiter = limiter();
        for _ in 0..3 {
            limiter.take(Class::Login, ME, 0).unwrap();
        }
        limiter.take(Class::Other, ME, 0).unwrap();
        limiter.take(Class::Login, Asker::Address(Ipv4Addr::new(10, 0, 0, 1).into()), 0).unwrap();
        limiter.take(Class::Login, ME, 0).unwrap_err();
    }

    #[test]
    fn a_network_of_ipv6_is_one_asker() {
        let limiter = limiter();
        let address = |text: &str| Asker::Address(text.parse().unwrap());
        for number in 0..3 {
            limiter.take(Class::Login, address(&format!("2001:db8:1:2:{number}::1")), 0).unwrap();
        }
        limiter.take(Class::Login, address("2001:db8:1:2:ffff::9"), 0).unwrap_err();
        limiter.take(Class::Login, address("2001:db8:1:3::1"), 0).unwrap();
        // An IPv4 address that came as IPv6 is itself.
        for _ in 0..3 {
            limiter.take(Class::Login, address("::ffff:10.0.0.1"), 0).unwrap();
        }
        limiter.take(Class::Login, address("10.0.0.1"), 0).unwrap_err();
        limiter.take(Class::Login, address("::ffff:10.0.0.2"), 0).unwrap();
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = limiter();
        for n in 0..(3 * GENERATION as u32) {
            limiter.take(Class::Login, Asker::Address(Ipv4Addr::from(n).into()), 0).unwrap();
        }
        let buckets = limiter.buckets.lock();
        assert!(buckets.young.len() + buckets.old.len() <= 2 * GENERATION);
    }

    #[test]
    fn one_may_have_a_bucket_of_another_size() {
        let limiter = limiter();
        let rate = Rate { per_second: 1.0, burst: 5 };
        for _ in 0..5 {
            limiter.take_at(rate, Class::Login, ME, 1_000).unwrap();
        }
        let refused = limiter.take_at(rate, Class::Login, ME, 1_000).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
    }

    #[test]
    fn off_is_off() {
        let limiter = Limiter::new(None);
        assert!((0..10_000).all(|_| limiter.take(Class::Register, ME, 0).is_ok()));
    }
}
