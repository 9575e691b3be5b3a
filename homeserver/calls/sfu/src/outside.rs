//! What the SFU takes from outside besides datagrams and signals.

/// The time of day, and chance.
pub trait Outside: Send + Sync {
    /// In milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Fills the whole slice with random bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}
