//! Taking turns.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// One at a time for each key, in the order in which they came, and only so many wait.
pub(crate) struct Turns<K> {
    places: Mutex<HashMap<K, Place>>,
    most: usize,
}

struct Place {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Those that wait, and the one whose turn it is.
    there: usize,
}

/// Too many wait already.
#[derive(Debug)]
pub(crate) struct Crowded;

/// Someone's turn, until it is dropped.
pub(crate) struct Turn<'a, K: Eq + Hash> {
    // Let go before the place is: fields are dropped in their order.
    _guard: OwnedMutexGuard<()>,
    _ticket: Ticket<'a, K>,
}

struct Ticket<'a, K: Eq + Hash> {
    turns: &'a Turns<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Ticket<'_, K> {
    fn drop(&mut self) {
        let mut places = self.turns.places.lock();
        let left = places.get_mut(&self.key).map(|place| {
            place.there -= 1;
            place.there
        });
        if left == Some(0) {
            places.remove(&self.key);
        }
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// At most `most` are there for a key at once.
    pub fn new(most: usize) -> Self {
        Self { places: Mutex::default(), most }
    }

    /// Waits for one's turn.
    pub async fn take(&self, key: K) -> Result<Turn<'_, K>, Crowded> {
        let (turn, ticket) = {
            let mut places = self.places.lock();
            let place = places.entry(key.clone()).or_insert_with(|| Place { turn: Arc::default(), there: 0 });
            if place.there >= self.most {
                return Err(Crowded);
            }
            place.there += 1;
            (place.turn.clone(), Ticket { turns: self, key })
        };
        Ok(Turn { _guard: turn.lock_owned().await, _ticket: ticket })
    }

    /// Whether it is someone's turn.
    pub fn is_taken(&self, key: &K) -> bool {
        self.places.lock().contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, join};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_in_order_and_only_so_many() {
        let turns = Turns::new(3);
        let order = Mutex::new(Vec::new());
        let go = |number: u32| {
            let (turns, order) = (&turns, &order);
            async move {
                let _turn = turns.take("room").await.unwrap();
                order.lock().push(number);
                tokio::task::yield_now().await;
                order.lock().push(number);
            }
        };
        join!(go(1), go(2), go(3));
        assert_eq!(*order.lock(), [1, 1, 2, 2, 3, 3]);
        let held = (turns.take("room").await.unwrap(), turns.take("other").await.unwrap());
        let mut waiting = Box::pin(turns.take("room"));
        assert!(waiting.as_mut().now_or_never().is_none());
        let mut another = Box::pin(turns.take("room"));
        assert!(another.as_mut().now_or_never().is_none());
        assert!(matches!(turns.take("room").now_or_never(), Some(Err(Crowded))));
        // Who gives up waiting makes room.
        drop(another);
        assert!(turns.take("room").now_or_never().is_none());
        drop(held);
        assert!(waiting.now_or_never().is_some_and(|turn| turn.is_ok()));
        assert!(!turns.is_taken(&"room"));
    }
}
