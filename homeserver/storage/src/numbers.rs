//! Numbers that are given once.

use parking_lot::Mutex;

use crate::{StorageError, Store, schema};

/// Gives out numbers, none of them twice: also not after a restart, and not where the rows that have the newest ones
/// were deleted. How far it may have come is written down ahead.
pub struct Numbers {
    store: Store,
    /// The key in [`schema::META`].
    name: &'static str,
    given: Mutex<Given>,
}

struct Given {
    next: u64,
    /// Up to here, exclusive, numbers can be given.
    until: u64,
}

/// So many are written down at once. As many may be left out by a restart.
const AHEAD: u64 = 1024;

impl Numbers {
    /// Goes on after all that were given under a name, and after the greatest that is `used`: of folders from before
    /// it was written down.
    pub fn open(store: Store, name: &'static str, used: u64) -> Result<Self, StorageError> {
        let until = match store.view().get(&schema::META, (name,))? {
            Some(text) => text.parse().map_err(|_| StorageError::corrupt(format!("{name} is {text:?}")))?,
            None => 0,
        };
        let next = until.max(used + 1);
        Ok(Self { store, name, given: Mutex::new(Given { next, until: next }) })
    }

    /// The next number. What bears it must be submitted after this call: commits are durable in their order, so that
    /// it is never durable before what is written down here.
    pub fn next(&self) -> Result<u64, StorageError> {
        let mut given = self.given.lock();
        if given.next == given.until {
            let until = given.until + AHEAD;
            let mut tx = self.store.begin()?;
            tx.put(&schema::META, (self.name,), &until.to_string());
            drop(tx.submit());
            given.until = until;
        }
        given.next += 1;
        Ok(given.next - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryEngine, StoreOptions};

    #[test]
    fn none_is_given_twice() {
        let engine = MemoryEngine::new();
        let open = |engine: MemoryEngine, used| {
            let store = Store::open(engine, StoreOptions::default()).unwrap();
            (Numbers::open(store.clone(), "numbers", used).unwrap(), store)
        };
        let (numbers, store) = open(engine.clone(), 6);
        let first = numbers.next().unwrap();
        assert_eq!(first, 7);
        let last = (0..3 * AHEAD).map(|_| numbers.next().unwrap()).last().unwrap();
        assert_eq!(last, first + 3 * AHEAD);
        // As when something that bears it was written.
        futures::executor::block_on(store.begin().unwrap().submit()).unwrap();
        drop((numbers, store));
        // Nothing that bears one is there any more.
        let (numbers, _store) = open(engine.crash(), 0);
        let next = numbers.next().unwrap();
        assert!(next > last && next <= last + AHEAD, "{next} after {last}");
    }
}
