//! What happened in a run, so that two runs can be compared byte by byte.

use std::fmt;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// Everything that happened, in its order. It is hashed, and shown if that is wanted.
pub struct Trace {
    begun: Instant,
    shown: bool,
    hasher: Mutex<Sha256>,
}

impl Trace {
    /// A trace that begins now.
    pub fn new(shown: bool) -> Self {
        Self { begun: Instant::now(), shown, hasher: Mutex::default() }
    }

    /// Notes what happens now.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let line = format!("{:>10.4} {what}\n", self.begun.elapsed().as_secs_f64());
        self.hasher.lock().update(&line);
        if self.shown {
            eprint!("{line}");
        }
    }

    /// Notes bytes that came over the network. They are not shown.
    pub fn bytes(&self, bytes: &[u8]) {
        self.hasher.lock().update(bytes);
    }

    /// The hash of all so far, in hexadecimal.
    pub fn hash(&self) -> String {
        let hash = self.hasher.lock().clone().finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
