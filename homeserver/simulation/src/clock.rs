//! The clock of a simulated machine.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use futures::future::BoxFuture;
use hearth_storage::{Clock, sleep_by};
use tokio::time::Instant;

/// When all simulations begin, in milliseconds since the Unix epoch.
const START_MS: i64 = 1_700_000_000_000;

/// A machine's clock: it follows the runtime's time, and can be set. Cheap to clone.
#[derive(Clone)]
pub struct MachineClock {
    begun: Instant,
    /// How far it is off, in milliseconds.
    off: Arc<AtomicI64>,
}

impl MachineClock {
    /// A clock that is right.
    pub fn new() -> Self {
        Self { begun: Instant::now(), off: Arc::default() }
    }

    /// Somebody sets the clock: it jumps by so many milliseconds.
    pub fn jump(&self, by_ms: i64) {
        self.off.fetch_add(by_ms, Relaxed);
    }
}

impl Clock for MachineClock {
    fn now_ms(&self) -> u64 {
        let right = START_MS + self.begun.elapsed().as_millis() as i64;
        right.saturating_add(self.off.load(Relaxed)).max(0) as u64
    }

    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(sleep_by(move || clock.now_ms(), at_ms))
    }
}
