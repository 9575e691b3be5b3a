//! Reading.

use std::{marker::PhantomData, sync::Arc};

use super::Scan;
use crate::{
    AnyEngine, AsKey, Engine, Key, Keyspace, RawScan, StorageError, Value,
    engine::{AnyScan, AnySnapshot},
    migration,
};

/// What can be read: the latest state, or a snapshot. Cheap to clone; clones of a snapshot are one.
#[derive(Clone)]
pub struct View {
    engine: AnyEngine,
    at: Option<Arc<AnySnapshot>>,
}

impl View {
    /// Reads an engine on which no store is open, as `hearth check` does: nothing is upgraded or written.
    ///
    /// # Errors
    /// [`StorageError::TooNew`] if a newer server wrote the folder, [`StorageError::Engine`] if an older one
    /// did.
    pub fn open(engine: impl Into<AnyEngine>) -> Result<Self, StorageError> {
        let view = Self::latest(engine.into());
        migration::check(&view)?;
        Ok(view)
    }

    pub(crate) fn latest(engine: AnyEngine) -> Self {
        Self { engine, at: None }
    }

    pub(super) fn snapshot(engine: AnyEngine) -> Self {
        let at = Some(Arc::new(engine.snapshot()));
        Self { engine, at }
    }

    /// The value of a key.
    pub fn get<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        key: impl AsKey<K>,
    ) -> Result<Option<V>, StorageError> {
        self.engine.get(self.at.as_deref(), keyspace.raw, &key.encode(), V::decode)?.transpose()
    }

    /// The values of several keys, in the order of the keys. Faster than one by one.
    pub fn multi_get<K: Key, V: Value, Q: AsKey<K>>(
        &self,
        keyspace: &Keyspace<K, V>,
        keys: impl IntoIterator<Item = Q>,
    ) -> Result<Vec<Option<V>>, StorageError> {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for key in keys {
            key.write_key(&mut bytes);
            ends.push(bytes.len());
        }
        let mut start = 0;
        let keys: Vec<_> = ends.iter().map(|end| &bytes[std::mem::replace(&mut start, *end)..*end]).collect();
        let found = self.engine.multi_get(self.at.as_deref(), keyspace.raw, &keys, V::decode)?;
        found.into_iter().map(Option::transpose).collect()
    }

    /// Whether a key is there.
    pub fn contains<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        key: impl AsKey<K>,
    ) -> Result<bool, StorageError> {
        let found = self.engine.get(self.at.as_deref(), keyspace.raw, &key.encode(), |_| ())?;
        Ok(found.is_some())
    }

    /// Goes through a range of keys. What it gives is of one state, that of this call or of the snapshot.
    /// After an error it ends.
    pub fn scan<'a, K: Key, V: Value>(
        &'a self,
        keyspace: &Keyspace<K, V>,
        range: Scan<K>,
    ) -> impl Iterator<Item = Result<(K, V), StorageError>> + Send + use<'a, K, V> {
        let raw = self.engine.scan(self.at.as_deref(), keyspace.raw, range.range);
        Rows { raw: Some(raw), types: PhantomData::<fn() -> (K, V)> }
    }

    /// Hands every encoded key of a range to `visit`.
    pub(super) fn visit_keys<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        range: Scan<K>,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<(), StorageError> {
        let mut raw = self.engine.scan(self.at.as_deref(), keyspace.raw, range.range);
        while raw.next(|key, _| visit(key))?.is_some() {}
        Ok(())
    }
}

struct Rows<'a, T> {
    raw: Option<AnyScan<'a>>,
    types: PhantomData<fn() -> T>,
}

impl<K: Key, V: Value> Iterator for Rows<'_, (K, V)> {
    type Item = Result<(K, V), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.raw.as_mut()?.next(|key, value| Ok((K::decode(key)?, V::decode(value)?)));
        let row = row.and_then(Option::transpose).transpose();
        if !matches!(row, Some(Ok(_))) {
            self.raw = None;
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Batch, EventNid, MemoryEngine, schema};

    #[test]
    fn what_cannot_be_read_is_an_error_and_ends_a_scan() {
        let engine = MemoryEngine::new();
        let mut batch = Batch::default();
        batch.put(&schema::META, ("a",), &"\u{ff}".to_owned());
        batch.put(&schema::META, ("b",), &"1".to_owned());
        engine.apply([&batch].into_iter(), true).unwrap();
        let view = View::latest(engine.into());

        let numbers = Keyspace::<(String,), EventNid>::new("META", Access::Point, schema::META.raw.index);
        assert!(matches!(view.get(&numbers, ("a",)), Err(StorageError::Corrupt(_))));
        assert!(matches!(view.multi_get(&numbers, [("b",), ("a",)]), Err(StorageError::Corrupt(_))));
        let mut rows = view.scan(&numbers, Scan::all());
        assert!(matches!(rows.next(), Some(Err(StorageError::Corrupt(_)))));
        assert!(rows.next().is_none());
    }
}
