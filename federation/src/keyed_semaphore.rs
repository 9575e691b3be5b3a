//! A semaphore for each of many keys.

use std::hash::Hash;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use hearth_http::keyed::{Crowded, Held, Keyed};

/// So many at a time for each key, in the order in which they came, and only so many are there.
pub(crate) struct KeyedSemaphore<K> {
    semaphores: Keyed<K, Semaphore>,
    at_once: usize,
    most: usize,
}

/// Held by whoever's turn it is.
pub(crate) struct Permit<K: Eq + Hash> {
    // Fields are dropped in their order: the next is let in before the semaphore is forgotten.
    _permit: Option<OwnedSemaphorePermit>,
    _semaphore: Held<K, Semaphore>,
}

impl<K: Clone + Eq + Hash> KeyedSemaphore<K> {
    /// `at_once` have a permit for a key at once, and `most` are there for it: those that wait, and those that have
    /// one.
    pub fn new(at_once: usize, most: usize) -> Self {
        Self { semaphores: Keyed::default(), at_once, most }
    }

    /// One at a time for each key.
    pub fn mutex(most: usize) -> Self {
        Self::new(1, most)
    }

    /// Waits for a permit.
    pub async fn acquire(&self, key: K) -> Result<Permit<K>, Crowded> {
        let semaphore = self.semaphores.hold(key, self.most, || Semaphore::new(self.at_once))?;
        // The semaphore is never closed.
        let permit = semaphore.clone().acquire_owned().await.ok();
        Ok(Permit { _permit: permit, _semaphore: semaphore })
    }

    /// Whether anybody is there for a key.
    pub fn is_taken(&self, key: &K) -> bool {
        self.semaphores.is_held(key)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, join};
    use parking_lot::Mutex;

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
