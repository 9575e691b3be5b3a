//! How many bytes a participant may send.

use std::time::{Duration, Instant};

/// What may be sent in a second, and at once.
pub struct Allowance {
    per_second: u64,
    left: u64,
    at: Instant,
}

impl Allowance {
    pub fn new(per_second: u64, now: Instant) -> Self {
        Self { per_second, left: per_second, at: now }
    }

    /// Takes so many bytes, if so many are left.
    pub fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(1));
        let earned = self.per_second * passed.as_micros() as u64 / 1_000_000;
        // What is less than a byte goes on to be earned.
        if earned > 0 {
            self.left = (self.left + earned).min(self.per_second);
            self.at = now;
        }
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_taken_in_a_second() {
        let start = tokio::time::Instant::now().into_std();
        let mut allowance = Allowance::new(10_000, start);
        let taken = (0..100).filter(|_| allowance.take(1000, start)).count();
        assert_eq!(taken, 10);
        // Small steps add up, and a long silence is worth no more than a second.
        let steps = (1..=1000u64).filter(|step| allowance.take(1, start + Duration::from_micros(step * 50)));
        assert_eq!(steps.count(), 500);
        let later = start + Duration::from_secs(60);
        assert_eq!((0..100).filter(|_| allowance.take(1000, later)).count(), 10);
    }
}
