//! What a server takes from outside besides its storage: time and randomness. Both are arguments, so that a
//! test says what time it is and a simulation runs again from its seed.
//!
//! There are two kinds of time. What time of day it is says a [`Clock`]: it is written into events and rows, and
//! jumps when somebody sets the machine's clock. How long something takes (time-outs, pauses) is measured by
//! `tokio::time`, which never jumps, and which a simulation drives. The standard library's clocks and sleeping
//! threads are forbidden everywhere else (`clippy.toml`).

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use tokio::sync::watch;

/// How long a sleeper does not notice that the machine's clock was set forward.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch. It may go back, and jump.
    fn now_ms(&self) -> u64;

    /// Returns when [`now_ms`](Self::now_ms) is at least this: at once if that is past. It follows the clock
    /// when it is set, within a minute. For what is due at a time that was written down; what merely takes time
    /// is waited for with `tokio::time`.
    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'static, ()>;
}

/// Sleeps until a clock that may be set shows a time.
pub async fn sleep_by(now_ms: impl Fn() -> u64, at_ms: u64) {
    loop {
        match at_ms.saturating_sub(now_ms()) {
            0 => return,
            left => tokio::time::sleep(LOOK_AGAIN.min(Duration::from_millis(left))).await,
        }
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine is asked for the time")]
    fn read() -> u64 {
        // A clock set before 1970 reads as 1970.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        Self::read()
    }

    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(sleep_by(Self::read, at_ms))
    }
}

/// A clock that moves only when told to, and then wakes whoever sleeps until that time.
#[derive(Debug, Default)]
pub struct ManualClock(watch::Sender<u64>);

impl ManualClock {
    /// A clock that shows this time, in milliseconds since the Unix epoch.
    pub fn new(now_ms: u64) -> Self {
        Self(watch::Sender::new(now_ms))
    }

    /// Moves the clock on.
    pub fn advance(&self, ms: u64) {
        self.0.send_modify(|now| *now += ms);
    }

    /// Somebody sets the clock.
    pub fn set(&self, now_ms: u64) {
        self.0.send_replace(now_ms);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        *self.0.borrow()
    }

    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'static, ()> {
        let mut now = self.0.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at_ms).await.is_err() {
                // The clock is gone, and will never show that time.
                std::future::pending::<()>().await;
            }
        })
    }
}

/// A source of random bytes, good enough for secrets.
pub trait Random: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// Randomness seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same bytes from the same seed, for tests and simulations.
pub struct SeededRandom(Mutex<ChaCha20Rng>);

impl SeededRandom {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededRandom").finish_non_exhaustive()
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_again() {
        let bytes = |seed| {
            let mut bytes = [0; 40];
            SeededRandom::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(5);
        clock.advance(10);
        assert_eq!(clock.now_ms(), 15);
    }

    #[test]
    fn a_manual_clock_wakes_whoever_sleeps_until_its_time() {
        let clock = ManualClock::new(5);
        assert!(clock.sleep_until(5).now_or_never().is_some());
        let mut sleeper = clock.sleep_until(10);
        assert!((&mut sleeper).now_or_never().is_none());
        clock.advance(4);
        assert!((&mut sleeper).now_or_never().is_none());
        clock.advance(1);
        assert!((&mut sleeper).now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_clock_of_the_machine_wakes_as_well() {
        let clock = SystemClock;
        let at = clock.now_ms() + 20;
        clock.sleep_until(at).await;
        assert!(clock.now_ms() >= at);
        clock.sleep_until(0).await;
    }
}
