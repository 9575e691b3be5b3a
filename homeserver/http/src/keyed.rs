//! Something for each of many keys.

use std::{collections::HashMap, hash::Hash, ops::Deref, sync::Arc};

use parking_lot::Mutex;

/// A value for each key, which takes memory only while somebody holds it. Cheap to clone.
pub struct Keyed<K, V>(Arc<Mutex<HashMap<K, Entry<V>>>>);

struct Entry<V> {
    value: Arc<V>,
    holders: usize,
}

/// Too many are there already.
#[derive(Debug)]
pub struct Crowded;

/// The value of a key, for as long as this is held.
pub struct Held<K: Eq + Hash, V> {
    of: Keyed<K, V>,
    key: K,
    value: Arc<V>,
}

impl<K, V> Clone for Keyed<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash, V> Keyed<K, V> {
    /// The value of a key, which is made if nobody holds it; at most so many do.
    ///
    /// # Errors
    /// [`Crowded`] if so many hold it.
    pub fn hold(&self, key: K, most: usize, make: impl FnOnce() -> V) -> Result<Held<K, V>, Crowded> {
        let mut entries = self.0.lock();
        let entry =
            entries.entry(key.clone()).or_insert_with(|| Entry { value: Arc::new(make()), holders: 0 });
        if entry.holders >= most {
            return Err(Crowded);
        }
        entry.holders += 1;
        Ok(Held { of: self.clone(), key, value: entry.value.clone() })
    }

    /// Whether anybody holds the value of a key.
    pub fn is_held(&self, key: &K) -> bool {
        self.0.lock().contains_key(key)
    }
}

impl<K: Eq + Hash, V> Deref for Held<K, V> {
    type Target = Arc<V>;

    fn deref(&self) -> &Arc<V> {
        &self.value
    }
}

impl<K: Eq + Hash, V> Drop for Held<K, V> {
    fn drop(&mut self) {
        let mut entries = self.of.0.lock();
        if let Some(entry) = entries.get_mut(&self.key) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.remove(&self.key);
            }
        }
    }
}
