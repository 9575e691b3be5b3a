//! What a transaction writes, so that the transaction itself reads it.

use smallvec::SmallVec;

use super::queued::Queued;
use crate::{AnyKeyspace, AsKey, Batch, Key, Keyspace, Position, RawRange, Value, batch::Location};

/// Of most keyspaces a transaction writes a row or two: they take no memory of their own.
type Starts = SmallVec<[u32; 4]>;

/// A batch whose writes can be looked up by key.
#[derive(Default)]
pub(super) struct Draft {
    batch: Batch,
    /// For each keyspace that is written to, where in the batch the last write of each key begins, by key.
    index: SmallVec<[(usize, Starts); 8]>,
}

impl Draft {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { batch: Batch::with_capacity(bytes), index: SmallVec::new() }
    }

    pub(super) fn put<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>, value: &V) {
        self.write(|batch| batch.put(keyspace, key, value));
    }

    pub(super) fn delete<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>) {
        self.write(|batch| batch.delete(keyspace, key));
    }

    pub(super) fn delete_raw(&mut self, keyspace: AnyKeyspace, key: &[u8]) {
        self.write(|batch| batch.delete_raw(keyspace, key));
    }

    /// What it takes in memory, about, once it is queued.
    pub(super) fn bytes(&self) -> usize {
        let rows = self.batch.locations().map(|location| location.key.len() + Queued::ROW_BYTES);
        self.batch.size() + rows.sum::<usize>()
    }

    /// The batch with its real positions, `before` being the last one before it.
    pub(super) fn settle(mut self, before: Position) -> Batch {
        self.batch.settle(before);
        self.batch
    }

    /// The value that is written to a key, `Some(None)` if the key is deleted.
    pub(super) fn get(&self, keyspace: AnyKeyspace, key: &[u8]) -> Option<Option<&[u8]>> {
        let starts = self.starts(keyspace)?;
        let found = starts.binary_search_by(|start| self.key(*start).cmp(key)).ok()?;
        let location = self.location(starts[found])?;
        Some(location.value().map(|value| self.batch.bytes(&value)))
    }

    /// Hands every key of a range that is written to `visit`, with its value or `None` if it is deleted, the
    /// smallest key first.
    pub(super) fn visit(
        &self,
        keyspace: AnyKeyspace,
        range: &RawRange,
        mut visit: impl FnMut(&[u8], Option<&[u8]>),
    ) {
        let Some(starts) = self.starts(keyspace) else { return };
        let first = starts.partition_point(|start| self.key(*start) < &*range.start);
        for location in starts[first..].iter().filter_map(|start| self.location(*start)) {
            let key = self.batch.bytes(&location.key);
            if range.end.as_ref().is_some_and(|end| key >= &**end) {
                break;
            }
            visit(key, location.value().map(|value| self.batch.bytes(&value)));
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Batch)) {
        let start = self.batch.size();
        write(&mut self.batch);
        let Some(location) = self.batch.location(start) else { return };
        let keyspace = location.keyspace.index;
        let at = match self.index.iter().position(|(index, _)| *index == keyspace) {
            Some(at) => at,
            None => {
                self.index.push((keyspace, Starts::new()));
                self.index.len() - 1
            }
        };
        let key = self.batch.bytes(&location.key);
        let found = self.index[at].1.binary_search_by(|start| self.key(*start).cmp(key));
        let starts = &mut self.index[at].1;
        match found {
            Ok(earlier) => starts[earlier] = start as u32,
            Err(here) => starts.insert(here, start as u32),
        }
    }

    fn starts(&self, keyspace: AnyKeyspace) -> Option<&[u32]> {
        self.index.iter().find(|(index, _)| *index == keyspace.index).map(|(_, starts)| &**starts)
    }

    fn location(&self, start: u32) -> Option<Location> {
        self.batch.location(start as usize)
    }

    fn key(&self, start: u32) -> &[u8] {
        self.location(start).map_or(&[], |location| self.batch.bytes(&location.key))
    }
}
