//! What is written but not yet readable from the store.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use hearth_storage::Transaction;
use parking_lot::RwLock;

/// Values on their way to the disk, by key. A writer goes on to the next event while the disk syncs, so what
/// it has just written is read from here until the store has it.
#[derive(Clone, Debug)]
pub(crate) struct Overlay<K, V> {
    pending: Arc<RwLock<HashMap<K, (u64, V)>>>,
}

impl<K, V> Default for Overlay<K, V> {
    fn default() -> Self {
        Self { pending: Arc::default() }
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Overlay<K, V> {
    /// The value on its way, if there is one.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.pending.read().get(key).map(|(_, value)| value.clone())
    }

    /// Keeps `value` readable. [`settle`](Self::settle) must be called in the transaction that writes it.
    pub fn insert(&self, key: K, value: V) {
        let mut pending = self.pending.write();
        let version = pending.get(&key).map_or(0, |(version, _)| version + 1);
        pending.insert(key, (version, value));
    }

    /// Takes a value back that is not going to be written.
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
    {
        self.pending.write().remove(key);
    }

    /// Lets go of these keys when `tx` is durable, unless they were written again since.
    pub fn settle(&self, tx: &mut Transaction<'_>, keys: Vec<K>) {
        if keys.is_empty() {
            return;
        }
        let versions: Vec<(K, u64)> = {
            let pending = self.pending.read();
            keys.into_iter()
                .filter_map(|key| pending.get(&key).map(|(version, _)| (key.clone(), *version)))
                .collect()
        };
        let overlay = self.pending.clone();
        tx.on_durable(move || {
            let mut pending = overlay.write();
            for (key, version) in versions {
                if pending.get(&key).is_some_and(|(now, _)| *now == version) {
                    pending.remove(&key);
                }
            }
        });
    }
}
