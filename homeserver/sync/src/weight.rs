//! What is kept in memory, counted in bytes. Those who share a bound share one [`Budget`]; each of them [holds](Held)
//! what it takes of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What sync may take, in bytes.
pub(crate) struct Shares {
    /// Those who are online, and which rooms they are in.
    pub online: usize,
    pub presence: usize,
    pub typing: usize,
}

impl Shares {
    /// The shares of so many bytes; together they are no more.
    pub fn of(bytes: usize) -> Self {
        let twelfth = bytes / 12;
        Self { online: 10 * twelfth, presence: twelfth, typing: twelfth }
    }
}

/// So many bytes may be held together.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: AtomicUsize,
}

impl Budget {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicUsize::new(0) })
    }

    /// By how much more is held than may be.
    pub fn excess(&self) -> usize {
        self.held().saturating_sub(self.limit)
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    pub fn limit(&self) -> usize {
        self.limit
    }
}

/// What one holds of a budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Held {
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), bytes: AtomicUsize::new(0) }
    }

    /// It is so much now.
    pub fn set(&self, bytes: usize) {
        let before = self.bytes.swap(bytes, Relaxed);
        // First what comes, so that the sum never falls below zero.
        self.budget.held.fetch_add(bytes, Relaxed);
        self.budget.held.fetch_sub(before, Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(100);
        let (one, two) = (Held::new(&budget), Held::new(&budget));
        one.set(70);
        two.set(50);
        assert_eq!((budget.held(), budget.excess()), (120, 20));
        one.set(10);
        assert_eq!((budget.held(), budget.excess()), (60, 0));
        drop(two);
        assert_eq!(budget.held(), 10);
        drop(one);
        assert_eq!(budget.held(), 0);
    }
}
