//! What the SFU takes from outside besides datagrams and signals.

/// The time of day, chance, and who is let in.
pub trait Outside: Send + Sync {
    /// In milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Fills the whole slice with random bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);

    /// Whether the holder of a token may be in its room. It is asked when somebody comes, and when
    /// [`Calls::look_again`](crate::Calls::look_again) says that it may have changed.
    fn lets_in(&self, holder: &str) -> bool;
}
