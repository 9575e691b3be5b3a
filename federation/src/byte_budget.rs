//! How many bytes of bodies are in memory at once: of requests that come, and of answers that are read.

use std::{hash::Hash, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keyed::{Crowded, Held, Keyed};

/// The first bytes of each body are not counted, so that small ones are read however many there are.
pub(crate) const UNCOUNTED: usize = 64 << 10;

/// A bound for the bytes of many bodies together, and one for those of each key: who sends or answers them.
pub(crate) struct ByteBudget<K> {
    all: Arc<Semaphore>,
    keys: Keyed<K, Semaphore>,
    per_key: usize,
}

/// Counts the bytes of one body, for as long as this is held.
pub(crate) struct ByteCounter<K: Eq + Hash> {
    /// How much more of it does not count, in bytes.
    uncounted: usize,
    all: Arc<Semaphore>,
    of_all: Option<OwnedSemaphorePermit>,
    // Before the key's semaphore, which it belongs to.
    of_key: Option<OwnedSemaphorePermit>,
    key: Held<K, Semaphore>,
}

impl<K: Clone + Eq + Hash> ByteBudget<K> {
    /// So many bytes in all, and so many for each key.
    pub fn new(all: usize, per_key: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), keys: Keyed::default(), per_key }
    }

    /// A body of which nothing has come yet.
    pub fn counter(&self, key: K) -> Result<ByteCounter<K>, Crowded> {
        let key = self.keys.hold(key, usize::MAX, || Semaphore::new(self.per_key))?;
        Ok(ByteCounter { uncounted: UNCOUNTED, all: self.all.clone(), of_all: None, of_key: None, key })
    }
}

impl<K: Eq + Hash> ByteCounter<K> {
    /// Lets in so many more bytes. Nobody waits for that: those who hold the rest may be waiting too.
    pub fn add(&mut self, bytes: usize) -> Result<(), Crowded> {
        let uncounted = bytes.min(self.uncounted);
        self.uncounted -= uncounted;
        let counted = u32::try_from(bytes - uncounted).map_err(|_| Crowded)?;
        take(&self.key, &mut self.of_key, counted)?;
        take(&self.all, &mut self.of_all, counted)
    }
}

fn take(budget: &Arc<Semaphore>, held: &mut Option<OwnedSemaphorePermit>, bytes: u32) -> Result<(), Crowded> {
    let more = budget.clone().try_acquire_many_owned(bytes).map_err(|_| Crowded)?;
    match held {
        Some(held) => held.merge(more),
        none => *none = Some(more),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_a_budget_and_small_ones_are_let_in() {
        let budget = ByteBudget::new(150, 100);
        let counter = |key: &'static str| budget.counter(key).unwrap();
        let (mut large, mut another) = (counter("a"), counter("a"));
        large.add(UNCOUNTED + 60).unwrap();
        large.add(40).unwrap();
        another.add(UNCOUNTED).unwrap();
        another.add(1).unwrap_err();
        // Others have their own share, as long as all together have room.
        let mut other = counter("b");
        other.add(UNCOUNTED + 50).unwrap();
        counter("c").add(UNCOUNTED + 1).unwrap_err();
        drop(large);
        another.add(100).unwrap();
        another.add(1).unwrap_err();
        drop((another, other));
        counter("c").add(UNCOUNTED + 100).unwrap();
    }
}
