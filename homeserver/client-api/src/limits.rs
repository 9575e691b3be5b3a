//! Rate limits: a token bucket per who asks and class of endpoint ("Rate limiting" in the specification).

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::Duration,
};

use parking_lot::Mutex;
use ruma::UserId;

use crate::{MatrixError, Result};

/// What kind of work an endpoint causes. Each class has buckets of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Logging in and refreshing tokens: guards passwords and tokens against being guessed.
    Login,
    /// Making accounts.
    Register,
    /// Whatever makes an event or a message to a device.
    Message,
    /// Uploads and downloads.
    Media,
    /// Any other endpoint that the specification calls rate-limited.
    Other,
}

/// A bucket's size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    /// How many requests a second are allowed in the long run; more than 0.
    pub per_second: f64,
    /// How many may come at once.
    pub burst: u32,
}

/// The rates of all classes.
#[derive(Clone, PartialEq, Debug)]
pub struct RateLimits {
    pub login: Rate,
    pub register: Rate,
    pub message: Rate,
    pub media: Rate,
    pub other: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            login: Rate { per_second: 0.5, burst: 10 },
            register: Rate { per_second: 0.2, burst: 5 },
            message: Rate { per_second: 10.0, burst: 50 },
            media: Rate { per_second: 20.0, burst: 200 },
            other: Rate { per_second: 20.0, burst: 200 },
        }
    }
}

impl RateLimits {
    fn of(&self, class: Class) -> Rate {
        match class {
            Class::Login => self.login,
            Class::Register => self.register,
            Class::Message => self.message,
            Class::Media => self.media,
            Class::Other => self.other,
        }
    }
}

/// Whose bucket it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asker<'a> {
    /// Someone who showed an access token, or whom a login names.
    User(&'a UserId),
    /// Someone unknown.
    Address(IpAddr),
}

/// How many buckets one generation holds. There are two, so memory is bounded by twice this many.
const GENERATION: usize = 32_768;

/// All buckets.
///
/// A bucket is one number: the time, in nanoseconds, at which it will be full again. Buckets are forgotten a
/// generation at a time; to be forgotten is to be full again, which errs to the side of who asks.
pub struct Limiter {
    limits: Option<RateLimits>,
    hasher: RandomState,
    // A std-like lock that is never held across an await; the work under it is a look-up.
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
        let Some(limits) = &self.limits else { return Ok(()) };
        let rate = limits.of(class);
        let cost = (1e9 / rate.per_second) as u64;
        let depth = cost.saturating_mul(u64::from(rate.burst));
        let now = now_ms.saturating_mul(1_000_000);

        let key = self.hasher.hash_one((class, asker));
        let mut buckets = self.buckets.lock();
        let full_at = buckets.full_at(key).max(now);
        let after = full_at.saturating_add(cost);
        if after > now.saturating_add(depth) {
            return Err(MatrixError::limit_exceeded(Duration::from_nanos(after - now - depth)));
        }
        buckets.set(key, after);
        Ok(())
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
        let limits = RateLimits { login: Rate { per_second: 2.0, burst: 3 }, ..RateLimits::default() };
        Limiter::new(Some(limits))
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
    fn memory_is_bounded() {
        let limiter = limiter();
        for n in 0..(3 * GENERATION as u32) {
            limiter.take(Class::Login, Asker::Address(Ipv4Addr::from(n).into()), 0).unwrap();
        }
        let buckets = limiter.buckets.lock();
        assert!(buckets.young.len() + buckets.old.len() <= 2 * GENERATION);
    }

    #[test]
    fn off_is_off() {
        let limiter = Limiter::new(None);
        assert!((0..10_000).all(|_| limiter.take(Class::Register, ME, 0).is_ok()));
    }
}
