//! Reading.

use std::{
    cmp::Ordering, collections::BTreeMap, iter::Peekable, marker::PhantomData, sync::Arc, vec::IntoIter,
};

use super::{Scan, draft::Draft, queued::Queued};
use crate::{
    AnyEngine, AnyKeyspace, AsKey, Buffer, Direction, Engine, Key, Keyspace, RawRange, RawScan, StorageError,
    Value,
    engine::{AnyScan, AnySnapshot},
    migration,
};

/// What can be read: what is durable, at the latest or at a snapshot, or what a writer sees, which is what is
/// queued in front of that, and what its own transaction writes in front of all.
pub struct View {
    engine: AnyEngine,
    at: Option<Arc<AnySnapshot>>,
    /// For writers.
    queued: Option<Arc<Queued>>,
    /// Empty but in a transaction.
    pub(super) draft: Draft,
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
        Self { engine, at: None, queued: None, draft: Draft::default() }
    }

    pub(super) fn snapshot(engine: AnyEngine) -> Self {
        let at = Some(Arc::new(engine.snapshot()));
        Self { at, ..Self::latest(engine) }
    }

    pub(super) fn written(engine: AnyEngine, queued: Arc<Queued>, draft: Draft) -> Self {
        Self { engine, at: None, queued: Some(queued), draft }
    }

    /// The value of a key.
    pub fn get<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        key: impl AsKey<K>,
    ) -> Result<Option<V>, StorageError> {
        self.read(keyspace.raw, &key.encode(), V::decode)?.transpose()
    }

    /// The values of several keys, in the order of the keys. Faster than one by one.
    pub fn multi_get<K: Key, V: Value, Q: AsKey<K>>(
        &self,
        keyspace: &Keyspace<K, V>,
        keys: impl IntoIterator<Item = Q>,
    ) -> Result<Vec<Option<V>>, StorageError> {
        let mut bytes = Buffer::default();
        let mut ends = Vec::new();
        for key in keys {
            key.write_key(&mut bytes);
            ends.push(bytes.len());
        }
        let mut start = 0;
        let bytes = bytes.bytes();
        let keys: Vec<_> = ends.iter().map(|end| &bytes[std::mem::replace(&mut start, *end)..*end]).collect();
        let mut values = Vec::with_capacity(keys.len());
        let mut absent = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            values.push(match self.read_ahead(keyspace.raw, key, V::decode) {
                Ok(value) => value.transpose()?,
                Err(_) => {
                    absent.push(place);
                    None
                }
            });
        }
        let absent_keys: Vec<&[u8]> = absent.iter().map(|place| keys[*place]).collect();
        let found = self.engine.multi_get(self.at.as_deref(), keyspace.raw, &absent_keys, V::decode)?;
        for (place, value) in absent.into_iter().zip(found) {
            values[place] = value.transpose()?;
        }
        Ok(values)
    }

    /// Whether a key is there.
    pub fn contains<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        key: impl AsKey<K>,
    ) -> Result<bool, StorageError> {
        Ok(self.read(keyspace.raw, &key.encode(), |_| ())?.is_some())
    }

    /// Whether this is a transaction's view and the transaction itself has written to the key.
    pub fn wrote<K: Key, V: Value>(&self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>) -> bool {
        self.draft.get(keyspace.raw, &key.encode()).is_some()
    }

    /// Goes through a range of keys. What it gives is of one state, that of this call or of the snapshot.
    /// After an error it ends.
    pub fn scan<'a, K: Key, V: Value>(
        &'a self,
        keyspace: &Keyspace<K, V>,
        range: Scan<K>,
    ) -> impl Iterator<Item = Result<(K, V), StorageError>> + Send + use<'a, K, V> {
        let merge = self.merge(keyspace.raw, range.range);
        Rows { merge: Some(merge), types: PhantomData::<fn() -> (K, V)> }
    }

    /// Hands every encoded key of a range to `visit`.
    pub(super) fn visit_keys<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        range: Scan<K>,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<(), StorageError> {
        let mut merge = self.merge(keyspace.raw, range.range);
        while merge.next(|key, _| visit(key))?.is_some() {}
        Ok(())
    }

    fn read<T>(
        &self,
        keyspace: AnyKeyspace,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StorageError> {
        match self.read_ahead(keyspace, key, read) {
            Ok(value) => Ok(value),
            Err(read) => self.engine.get(self.at.as_deref(), keyspace, key, read),
        }
    }

    /// Reads what is in front of the engine; gives `read` back where there is nothing.
    fn read_ahead<T, F: FnOnce(&[u8]) -> T>(
        &self,
        keyspace: AnyKeyspace,
        key: &[u8],
        read: F,
    ) -> Result<Option<T>, F> {
        if let Some(value) = self.draft.get(keyspace, key) {
            return Ok(value.map(read));
        }
        match self.queued.as_ref().and_then(|queued| queued.get(keyspace, key)) {
            Some(value) => Ok(value.map(|value| read(&value))),
            None => Err(read),
        }
    }

    fn merge(&self, keyspace: AnyKeyspace, range: RawRange) -> Merge<'_> {
        let mut ahead = BTreeMap::new();
        let mut note = |key: &[u8], value: Option<&[u8]>| {
            ahead.insert(key.to_vec(), value.map(<[u8]>::to_vec));
        };
        // Before the engine is looked at: what leaves the queue is in the engine.
        if let Some(queued) = &self.queued {
            queued.visit(keyspace, &range, &mut note);
        }
        self.draft.visit(keyspace, &range, &mut note);
        let mut ahead: Vec<Ahead> = ahead.into_iter().collect();
        if range.direction == Direction::Reverse {
            ahead.reverse();
        }
        Merge {
            direction: range.direction,
            ahead: ahead.into_iter().peekable(),
            engine: self.engine.scan(self.at.as_deref(), keyspace, range),
            held: None,
        }
    }
}

/// A key with its value, or `None` if it is deleted.
type Ahead = (Vec<u8>, Option<Vec<u8>>);

/// A scan through the engine and what is in front of it.
struct Merge<'a> {
    direction: Direction,
    /// In the direction of the scan.
    ahead: Peekable<IntoIter<Ahead>>,
    engine: AnyScan<'a>,
    /// The engine's next row, while it waits for one of `ahead`.
    held: Option<(Vec<u8>, Vec<u8>)>,
}

impl RawScan for Merge<'_> {
    fn next<T>(&mut self, read: impl FnOnce(&[u8], &[u8]) -> T) -> Result<Option<T>, StorageError> {
        loop {
            let Some((ahead, _)) = self.ahead.peek() else {
                return match self.held.take() {
                    Some((key, value)) => Ok(Some(read(&key, &value))),
                    None => self.engine.next(read),
                };
            };
            if self.held.is_none() {
                self.held = self.engine.next(|key, value| (key.to_vec(), value.to_vec()))?;
            }
            let order = self.held.as_ref().map_or(Ordering::Less, |(key, _)| match self.direction {
                Direction::Forward => ahead.cmp(key),
                Direction::Reverse => key.cmp(ahead),
            });
            if order == Ordering::Greater {
                let held = self.held.take();
                return Ok(held.map(|(key, value)| read(&key, &value)));
            }
            if order == Ordering::Equal {
                self.held = None;
            }
            if let Some((key, Some(value))) = self.ahead.next() {
                return Ok(Some(read(&key, &value)));
            }
        }
    }
}

struct Rows<'a, T> {
    merge: Option<Merge<'a>>,
    types: PhantomData<fn() -> T>,
}

impl<K: Key, V: Value> Iterator for Rows<'_, (K, V)> {
    type Item = Result<(K, V), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.merge.as_mut()?.next(|key, value| Ok((K::decode(key)?, V::decode(value)?)));
        let row = row.and_then(Option::transpose).transpose();
        if !matches!(row, Some(Ok(_))) {
            self.merge = None;
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
