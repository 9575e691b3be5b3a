//! What bodies weigh that are in memory at once: requests that come, answers that are read.

use std::{hash::Hash, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keyed::{Crowded, Held, Keyed};

/// What each body may weigh before it is counted, so that small ones are read however crowded it is.
pub(crate) const LIGHT: usize = 64 << 10;

/// A bound for the bytes of many bodies together, and one for those of each key: who sends or answers them.
pub(crate) struct Scales<K> {
    all: Arc<Semaphore>,
    keys: Keyed<K, Semaphore>,
    per_key: usize,
}

/// What a body weighs, for as long as this is held.
pub(crate) struct Weight<K: Eq + Hash> {
    /// How much more of it does not count, in bytes.
    light: usize,
    all: Arc<Semaphore>,
    of_all: Option<OwnedSemaphorePermit>,
    // Before the key's semaphore, which it belongs to.
    of_key: Option<OwnedSemaphorePermit>,
    key: Held<K, Semaphore>,
}

impl<K: Clone + Eq + Hash> Scales<K> {
    /// So many bytes in all, and so many for each key.
    pub fn new(all: usize, per_key: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), keys: Keyed::default(), per_key }
    }

    /// A body of which nothing has come yet.
    pub fn weight(&self, key: K) -> Result<Weight<K>, Crowded> {
        let key = self.keys.hold(key, usize::MAX, || Semaphore::new(self.per_key))?;
        Ok(Weight { light: LIGHT, all: self.all.clone(), of_all: None, of_key: None, key })
    }
}

impl<K: Eq + Hash> Weight<K> {
    /// Lets in so many more bytes. Nobody waits for that: those who hold the rest may be waiting too.
    pub fn add(&mut self, bytes: usize) -> Result<(), Crowded> {
        let light = bytes.min(self.light);
        self.light -= light;
        let counted = u32::try_from(bytes - light).map_err(|_| Crowded)?;
        take(&self.key, &mut self.of_key, counted)?;
        take(&self.all, &mut self.of_all, counted)
    }
}

fn take(scales: &Arc<Semaphore>, held: &mut Option<OwnedSemaphorePermit>, bytes: u32) -> Result<(), Crowded> {
    let more = scales.clone().try_acquire_many_owned(bytes).map_err(|_| Crowded)?;
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
    fn bodies_share_what_they_weigh_and_small_ones_are_let_in() {
        let scales = Scales::new(150, 100);
        let weight = |key: &'static str| scales.weight(key).unwrap();
        let (mut large, mut another) = (weight("a"), weight("a"));
        large.add(LIGHT + 60).unwrap();
        large.add(40).unwrap();
        another.add(LIGHT).unwrap();
        another.add(1).unwrap_err();
        // Others have their own share, as long as all together have room.
        let mut other = weight("b");
        other.add(LIGHT + 50).unwrap();
        weight("c").add(LIGHT + 1).unwrap_err();
        drop(large);
        another.add(100).unwrap();
        another.add(1).unwrap_err();
        drop((another, other));
        weight("c").add(LIGHT + 100).unwrap();
    }
}
