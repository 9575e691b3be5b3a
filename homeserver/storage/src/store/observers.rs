//! Who is told of the rows that commits change. What is kept in memory of rows is kept true so: by what is
//! committed, whoever wrote it.

use std::marker::PhantomData;

use parking_lot::RwLock;

use super::queue::Pending;
use crate::{Key, Keyspace, Op, StorageError, Value, schema};

/// A row that a durable commit has put or deleted.
pub struct RowChange<'a, K, V> {
    commit: u64,
    key: &'a [u8],
    value: Option<&'a [u8]>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> RowChange<'_, K, V> {
    /// The number of the commit.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    pub fn key(&self) -> Result<K, StorageError> {
        K::decode(self.key)
    }

    /// The row's new value; `None` if it is deleted.
    pub fn value(&self) -> Result<Option<V>, StorageError> {
        self.value.map(V::decode).transpose()
    }
}

type Observer = Box<dyn Fn(u64, &[u8], Option<&[u8]>) -> Result<(), StorageError> + Send + Sync>;

/// All observers, by the place of the keyspace in [`schema::ALL`].
pub(super) struct Observers {
    keyspaces: RwLock<Vec<Vec<Observer>>>,
}

impl Observers {
    pub(super) fn new() -> Self {
        Self { keyspaces: RwLock::new(schema::ALL.iter().map(|_| Vec::new()).collect()) }
    }

    pub(super) fn add<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        tell: impl Fn(&RowChange<'_, K, V>) -> Result<(), StorageError> + Send + Sync + 'static,
    ) {
        let tell: Observer =
            Box::new(move |commit, key, value| tell(&RowChange { commit, key, value, types: PhantomData }));
        self.keyspaces.write()[keyspace.raw.index].push(tell);
    }

    /// Tells of all rows of a group, in their order.
    pub(super) fn tell(&self, group: &[Pending]) {
        let keyspaces = self.keyspaces.read();
        for pending in group {
            for (keyspace, op) in pending.batch.ops() {
                let (key, value) = match op {
                    Op::Put { key, value } => (key, Some(value)),
                    Op::Delete { key } => (key, None),
                    // Only the log is trimmed so, which nobody keeps in memory by its rows.
                    Op::DeleteRange { .. } => continue,
                };
                for tell in &keyspaces[keyspace.index] {
                    if let Err(error) = tell(pending.commit, key, value) {
                        tracing::error!(keyspace = keyspace.name, %error, "a row that was written cannot be read");
                    }
                }
            }
        }
    }
}
