//! A semaphore for each of many keys.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at a time for each key, in the order in which they came, and only so many are there. A key takes memory
/// only while somebody is there for it.
pub(crate) struct KeyedSemaphore<K> {
    keys: Mutex<HashMap<K, Present>>,
    at_once: usize,
    most: usize,
}

struct Present {
    semaphore: Arc<Semaphore>,
    /// Those that wait, and those that have a permit.
    count: usize,
}

/// Too many are there already.
#[derive(Debug)]
pub(crate) struct Crowded;

/// Held by whoever's turn it is.
pub(crate) struct Permit<'a, K: Eq + Hash> {
    // Fields are dropped in their order: the next is let in before the key is forgotten.
    _permit: Option<OwnedSemaphorePermit>,
    _presence: Presence<'a, K>,
}

/// Being there for a key, until it is dropped.
struct Presence<'a, K: Eq + Hash> {
    of: &'a KeyedSemaphore<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Presence<'_, K> {
    fn drop(&mut self) {
        let mut keys = self.of.keys.lock();
        let left = keys.get_mut(&self.key).map(|present| {
            present.count -= 1;
            present.count
        });
        if left == Some(0) {
            keys.remove(&self.key);
        }
    }
}

impl<K: Clone + Eq + Hash> KeyedSemaphore<K> {
    /// `at_once` have a permit for a key at once, and `most` are there for it.
    pub fn new(at_once: usize, most: usize) -> Self {
        Self { keys: Mutex::default(), at_once, most }
    }

    /// One at a time for each key.
    pub fn mutex(most: usize) -> Self {
        Self::new(1, most)
    }

    /// Waits for a permit.
    pub async fn acquire(&self, key: K) -> Result<Permit<'_, K>, Crowded> {
        let (semaphore, presence) = {
            let mut keys = self.keys.lock();
            let present = keys
                .entry(key.clone())
                .or_insert_with(|| Present { semaphore: Arc::new(Semaphore::new(self.at_once)), count: 0 });
            if present.count >= self.most {
                return Err(Crowded);
            }
            present.count += 1;
            (present.semaphore.clone(), Presence { of: self, key })
        };
        // The semaphore is never closed.
        Ok(Permit { _permit: semaphore.acquire_owned().await.ok(), _presence: presence })
    }

    /// Whether anybody is there for a key.
    pub fn is_taken(&self, key: &K) -> bool {
        self.keys.lock().contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, join};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_in_order_and_only_so_many() {
        let rooms = KeyedSemaphore::mutex(3);
        let order = Mutex::new(Vec::new());
        let go = |number: u32| {
            let (rooms, order) = (&rooms, &order);
            async move {
                let _permit = rooms.acquire("room").await.unwrap();
                order.lock().push(number);
                tokio::task::yield_now().await;
                order.lock().push(number);
            }
        };
        join!(go(1), go(2), go(3));
        assert_eq!(*order.lock(), [1, 1, 2, 2, 3, 3]);
        let held = (rooms.acquire("room").await.unwrap(), rooms.acquire("other").await.unwrap());
        let mut waiting = Box::pin(rooms.acquire("room"));
        assert!(waiting.as_mut().now_or_never().is_none());
        let mut another = Box::pin(rooms.acquire("room"));
        assert!(another.as_mut().now_or_never().is_none());
        assert!(matches!(rooms.acquire("room").now_or_never(), Some(Err(Crowded))));
        // Who gives up waiting makes room.
        drop(another);
        assert!(rooms.acquire("room").now_or_never().is_none());
        drop(held);
        assert!(waiting.now_or_never().is_some_and(|permit| permit.is_ok()));
        assert!(!rooms.is_taken(&"room"));
    }

    #[tokio::test]
    async fn several_at_a_time() {
        let askers = KeyedSemaphore::new(2, 3);
        let held = (askers.acquire(1).await.unwrap(), askers.acquire(1).await.unwrap());
        assert!(askers.acquire(1).now_or_never().is_none());
        askers.acquire(2).await.unwrap();
        drop(held.0);
        askers.acquire(1).await.unwrap();
    }
}
