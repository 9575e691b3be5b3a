//! How many bytes of bodies are in memory at once: of requests that come, of answers that are read, and of those that are
//! to be taken.

use std::{hash::Hash, sync::Arc};

use axum::{
    body::{Body, HttpBody as _},
    response::Response,
};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keyed::{Crowded, Held, Keyed};

/// The first bytes of each body are not counted, so that small ones are read however many there are.
pub const UNCOUNTED: usize = 64 << 10;

/// A bound for the bytes of many bodies together, and one for those of each key: who sends or answers them. Cheap to
/// clone.
pub struct ByteBudget<K> {
    all: Arc<Semaphore>,
    keys: Keyed<K, Semaphore>,
    per_key: usize,
}

/// Counts the bytes of one body, for as long as this is held.
pub struct ByteCounter<K: Eq + Hash> {
    budget: ByteBudget<K>,
    key: K,
    /// How much more of it does not count, in bytes.
    uncounted: usize,
    counted: Option<Counted<K>>,
}

struct Counted<K: Eq + Hash> {
    of_all: OwnedSemaphorePermit,
    // Before the key's semaphore, which it belongs to.
    of_key: OwnedSemaphorePermit,
    key: Held<K, Semaphore>,
}

impl<K> Clone for ByteBudget<K> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), keys: self.keys.clone(), per_key: self.per_key }
    }
}

impl<K: Clone + Eq + Hash> ByteBudget<K> {
    /// So many bytes in all, and so many for each key.
    pub fn new(all: usize, per_key: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), keys: Keyed::default(), per_key }
    }

    /// A body of which nothing has come yet.
    pub fn counter(&self, key: K) -> ByteCounter<K> {
        ByteCounter { budget: self.clone(), key, uncounted: UNCOUNTED, counted: None }
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> ByteCounter<K> {
    /// An answer, which counts instead of what did, for as long as any of its body is in memory: until the last byte is
    /// taken, or the connection ends. One that is streamed never is as a whole, and does not count.
    ///
    /// # Errors
    /// [`Crowded`] if there is no room for it.
    pub async fn hold(mut self, answer: Response) -> Result<Response, Crowded> {
        let size = answer.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.filter(|size| *size > UNCOUNTED) else { return Ok(answer) };
        (self.uncounted, self.counted) = (UNCOUNTED, None);
        self.add(size)?;
        let (head, body) = answer.into_parts();
        // It is there already, in one piece.
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Crowded)?;
        Ok(Response::from_parts(head, Body::from(Bytes::from_owner(HeldBytes { bytes, _counter: self }))))
    }
}

/// Bytes that count for as long as they are here.
struct HeldBytes<K: Eq + Hash> {
    bytes: Bytes,
    _counter: ByteCounter<K>,
}

impl<K: Eq + Hash> AsRef<[u8]> for HeldBytes<K> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<K: Clone + Eq + Hash> ByteCounter<K> {
    /// Lets in so many more bytes. Nobody waits for that: those who hold the rest may be waiting too.
    ///
    /// # Errors
    /// [`Crowded`] if there is no room for them.
    pub fn add(&mut self, bytes: usize) -> Result<(), Crowded> {
        let uncounted = bytes.min(self.uncounted);
        self.uncounted -= uncounted;
        let bytes = u32::try_from(bytes - uncounted).map_err(|_| Crowded)?;
        if bytes == 0 {
            return Ok(());
        }
        let Self { budget, key, counted, .. } = self;
        let counted = match counted {
            Some(counted) => counted,
            none => none.insert(Counted::nothing(budget, key)?),
        };
        counted.of_key.merge(take(&counted.key, bytes)?);
        counted.of_all.merge(take(&budget.all, bytes)?);
        Ok(())
    }
}

impl<K: Clone + Eq + Hash> Counted<K> {
    fn nothing(budget: &ByteBudget<K>, key: &K) -> Result<Self, Crowded> {
        let key = budget.keys.hold(key.clone(), usize::MAX, || Semaphore::new(budget.per_key))?;
        Ok(Self { of_all: take(&budget.all, 0)?, of_key: take(&key, 0)?, key })
    }
}

fn take(budget: &Arc<Semaphore>, bytes: u32) -> Result<OwnedSemaphorePermit, Crowded> {
    budget.clone().try_acquire_many_owned(bytes).map_err(|_| Crowded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_a_budget_and_small_ones_are_let_in() {
        let budget = ByteBudget::new(150, 100);
        let counter = |key: &'static str| budget.counter(key);
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

    #[tokio::test]
    async fn an_answer_counts_until_it_is_taken() {
        let budget = ByteBudget::new(150, 100);
        let answer = |bytes: usize| Response::new(Body::from(vec![b'x'; bytes]));
        let hold = async |key: &'static str, bytes| budget.counter(key).hold(answer(bytes)).await;
        // What was asked counts no more.
        let mut asked = budget.counter("a");
        asked.add(UNCOUNTED + 100).unwrap();
        let held = asked.hold(answer(UNCOUNTED + 100)).await.unwrap();
        assert!(hold("a", UNCOUNTED + 1).await.is_err());
        assert!(hold("b", UNCOUNTED + 51).await.is_err());
        hold("a", UNCOUNTED).await.unwrap();
        // As long as a piece of it is somewhere, all of it is.
        let mut taken = axum::body::to_bytes(held.into_body(), usize::MAX).await.unwrap();
        assert_eq!(taken.len(), UNCOUNTED + 100);
        let last = taken.split_off(UNCOUNTED);
        drop(taken);
        assert!(hold("a", UNCOUNTED + 1).await.is_err());
        drop(last);
        hold("a", UNCOUNTED + 100).await.unwrap();
    }
}
