//! A cache of what was read from the store, kept true by what is committed.

use std::hash::{DefaultHasher, Hash, Hasher};

use parking_lot::RwLock;
use quick_cache::{Equivalent, UnitWeighter, Weighter, sync::Cache};

const SHARDS: usize = 64;

/// A read-through cache of values made of rows. Whoever makes it [observes](crate::Store::observe) those rows and
/// calls [`changed`](Self::changed) for each that a commit changes; a value that was being read meanwhile is given
/// to its reader and not kept.
///
/// Each value has the number of the commit that it is of, so that a writer may [`put`](Self::put) what it has just
/// submitted: readers get it when that commit is durable.
pub struct Remembered<K, V, W = UnitWeighter> {
    values: Cache<K, (u64, V), ByValue<W>>,
    /// How often values of each shard changed.
    changes: [RwLock<u64>; SHARDS],
}

/// Where a reader began: what has changed since it may not have read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    shard: usize,
    changes: u64,
}

#[derive(Clone)]
struct ByValue<W>(W);

impl<K, V, W: Weighter<K, V>> Weighter<K, (u64, V)> for ByValue<W> {
    fn weight(&self, key: &K, (_, value): &(u64, V)) -> u64 {
        self.0.weight(key, value)
    }
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// A cache of so many values.
    pub fn new(capacity: usize) -> Self {
        Self::weighed(capacity, capacity as u64, UnitWeighter)
    }
}

impl<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone> Remembered<K, V, W> {
    /// A cache of values that weigh so much together, about `expected` in number.
    pub fn weighed(expected: usize, weight: u64, weighter: W) -> Self {
        Self {
            values: Cache::with_weighter(expected, weight, ByValue(weighter)),
            changes: std::array::from_fn(|_| RwLock::new(0)),
        }
    }

    /// What is remembered, if it is of this commit or an earlier one.
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q, upto: u64) -> Option<V> {
        self.values.get(key).filter(|(commit, _)| *commit <= upto).map(|(_, value)| value)
    }

    /// What is remembered of what is durable, or else what `load` reads of it, which is then remembered. For values
    /// that nobody puts.
    pub fn get_or_load<Q: Hash + Equivalent<K> + ?Sized, E>(
        &self,
        key: &Q,
        own: impl FnOnce(&Q) -> K,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        if let Some((_, value)) = self.values.get(key) {
            return Ok(value);
        }
        let reading = self.read(key);
        let value = load()?;
        self.keep(reading, own(key), 0, value.clone());
        Ok(value)
    }

    /// To be called before the rows of a value are read that is then [kept](Self::keep).
    pub fn read<Q: Hash + ?Sized>(&self, key: &Q) -> Reading {
        let shard = shard(key);
        Reading { shard, changes: *self.changes[shard].read() }
    }

    /// Remembers what was read, unless it may have changed since. `commit` is the last one that it may be of.
    pub fn keep(&self, reading: Reading, key: K, commit: u64, value: V) {
        let changes = self.changes[reading.shard].read();
        if *changes == reading.changes && self.values.get(&key).is_none() {
            self.values.insert(key, (commit, value));
        }
        drop(changes);
    }

    /// Remembers what a commit that was just submitted makes of a value.
    pub fn put(&self, key: K, commit: u64, value: V) {
        let mut changes = self.changes[shard(&key)].write();
        *changes += 1;
        self.values.insert(key, (commit, value));
    }

    /// A durable commit has changed the value: what is remembered is forgotten, unless that commit or a later one
    /// put it.
    pub fn changed<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q, commit: u64) {
        let mut changes = self.changes[shard(key)].write();
        *changes += 1;
        if self.values.get(key).is_some_and(|(of, _)| of < commit) {
            self.values.remove(key);
        }
    }
}

fn shard<Q: Hash + ?Sized>(key: &Q) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(cache: &Remembered<String, u32>, value: impl FnOnce() -> u32) -> u32 {
        cache.get_or_load("key", str::to_owned, || Ok::<_, ()>(value())).unwrap()
    }

    #[test]
    fn reads_once_until_it_changes() {
        let cache = Remembered::new(10);
        assert_eq!(load(&cache, || 1), 1);
        assert_eq!(load(&cache, || 2), 1);
        cache.changed("key", 1);
        assert_eq!(load(&cache, || 2), 2);
    }

    #[test]
    fn what_changes_while_it_is_read_is_not_kept() {
        let cache = Remembered::new(10);
        let stale = load(&cache, || {
            cache.changed("key", 1);
            1
        });
        assert_eq!(stale, 1);
        assert_eq!(load(&cache, || 2), 2);
    }

    #[test]
    fn what_was_put_is_seen_when_it_is_durable_and_never_overwritten_by_what_was_before() {
        let cache = Remembered::<String, u32>::new(10);
        let reading = cache.read("key");
        cache.put("key".to_owned(), 5, 2);
        cache.keep(reading, "key".to_owned(), 4, 1);
        // Whoever begins after it and reads what is durable finds the place taken.
        let reading = cache.read("key");
        cache.keep(reading, "key".to_owned(), 4, 1);
        assert_eq!((cache.get("key", 4), cache.get("key", 5)), (None, Some(2)));
        cache.changed("key", 5);
        assert_eq!(cache.get("key", 5), Some(2));
        cache.changed("key", 6);
        assert_eq!(cache.get("key", 6), None);
    }
}
