//! A cache in front of the store that never remembers what a durable commit has changed.

use std::hash::{DefaultHasher, Hash, Hasher};

use parking_lot::RwLock;
use quick_cache::{Equivalent, sync::Cache};

const EPOCHS: usize = 64;

/// A read-through cache. Whoever changes what a key stands for calls [`forget`](Self::forget) when the change
/// is durable; a value that was being read meanwhile is then given to its reader but not kept.
pub(crate) struct Remembered<K, V> {
    entries: Cache<K, V>,
    /// How often keys of each shard were forgotten.
    epochs: [RwLock<u64>; EPOCHS],
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: Cache::new(capacity), epochs: std::array::from_fn(|_| RwLock::new(0)) }
    }

    /// What is remembered, if anything.
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.entries.get(key)
    }

    /// What is remembered, or else what `load` reads, which is then remembered.
    pub(crate) fn get_or_load<Q: Hash + Equivalent<K> + ?Sized, E>(
        &self,
        key: &Q,
        own: impl FnOnce(&Q) -> K,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        if let Some(value) = self.entries.get(key) {
            return Ok(value);
        }
        let epoch = &self.epochs[shard(key)];
        let before = *epoch.read();
        let value = load()?;
        let now = epoch.read();
        if *now == before {
            self.entries.insert(own(key), value.clone());
        }
        drop(now);
        Ok(value)
    }

    /// Forgets a key whose value has changed.
    pub(crate) fn forget<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) {
        let mut epoch = self.epochs[shard(key)].write();
        *epoch += 1;
        self.entries.remove(key);
    }
}

fn shard<Q: Hash + ?Sized>(key: &Q) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() as usize % EPOCHS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(cache: &Remembered<String, u32>, value: impl FnOnce() -> u32) -> u32 {
        cache.get_or_load("key", str::to_owned, || Ok::<_, ()>(value())).unwrap()
    }

    #[test]
    fn reads_once_until_forgotten() {
        let cache = Remembered::new(10);
        assert_eq!(load(&cache, || 1), 1);
        assert_eq!(load(&cache, || 2), 1);
        cache.forget("key");
        assert_eq!(load(&cache, || 2), 2);
    }

    #[test]
    fn what_changes_while_it_is_read_is_not_kept() {
        let cache = Remembered::new(10);
        let stale = load(&cache, || {
            cache.forget("key");
            1
        });
        assert_eq!(stale, 1);
        assert_eq!(load(&cache, || 2), 2);
    }
}
