//! The rows of all commits that wait to be written, by key: what a writer sees before the engine has it.

use std::{
    collections::BTreeMap,
    ops::{Bound, Deref, Range},
    sync::Arc,
};

use parking_lot::RwLock;

use crate::{AnyKeyspace, Batch, RawRange, schema};

/// The last queued write of each key. A row is here from when its commit is queued until the engine has it, so
/// whoever looks here first and at the engine second misses nothing.
pub(super) struct Queued {
    /// By the keyspace's place in [`schema::ALL`].
    keyspaces: Box<[RwLock<Rows>]>,
}

type Rows = BTreeMap<Box<[u8]>, Row>;

struct Row {
    /// The number of the commit.
    commit: u64,
    value: Option<Stored>,
}

/// A value where it lies in its batch.
#[derive(Clone)]
pub(super) struct Stored {
    batch: Arc<Batch>,
    place: Range<usize>,
}

impl Deref for Stored {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.batch.bytes(&self.place)
    }
}

impl Queued {
    /// What a row takes beside the bytes of the batch, about.
    pub(super) const ROW_BYTES: usize = size_of::<(Box<[u8]>, Row)>() * 3 / 2 + 48;

    pub(super) fn new() -> Self {
        Self { keyspaces: schema::ALL.iter().map(|_| RwLock::default()).collect() }
    }

    /// Takes in the writes of a commit; commits come in the order of their numbers.
    pub(super) fn add(&self, commit: u64, batch: &Arc<Batch>) {
        for location in batch.locations() {
            let value = location.value().map(|value| Stored { batch: batch.clone(), place: value });
            let key = batch.bytes(&location.key);
            self.keyspaces[location.keyspace.index].write().insert(key.into(), Row { commit, value });
        }
    }

    /// Lets go of the writes of a commit, which the engine has; not of keys that were written again since.
    pub(super) fn remove(&self, commit: u64, batch: &Batch) {
        for location in batch.locations() {
            let mut rows = self.keyspaces[location.keyspace.index].write();
            let key = batch.bytes(&location.key);
            if rows.get(key).is_some_and(|row| row.commit == commit) {
                rows.remove(key);
            }
        }
    }

    /// The value that is queued for a key, `Some(None)` if the key is deleted.
    pub(super) fn get(&self, keyspace: AnyKeyspace, key: &[u8]) -> Option<Option<Stored>> {
        self.keyspaces[keyspace.index].read().get(key).map(|row| row.value.clone())
    }

    /// Hands every key of a range that is written to `visit`, with its value or `None` if it is deleted, the
    /// smallest key first.
    pub(super) fn visit(
        &self,
        keyspace: AnyKeyspace,
        range: &RawRange,
        mut visit: impl FnMut(&[u8], Option<&[u8]>),
    ) {
        let end = match &range.end {
            // `BTreeMap::range` takes no range that ends before it begins.
            Some(end) if *end <= range.start => return,
            Some(end) => Bound::Excluded(&**end),
            None => Bound::Unbounded,
        };
        let rows = self.keyspaces[keyspace.index].read();
        for (key, row) in rows.range::<[u8], _>((Bound::Included(&*range.start), end)) {
            visit(key, row.value.as_deref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stays_until_the_commit_that_wrote_it_last_is_durable() {
        let queued = Queued::new();
        let batch = |keys: &[&str]| {
            let mut batch = Batch::default();
            keys.iter().for_each(|key| batch.put(&schema::META, (*key,), &(*key).to_owned()));
            Arc::new(batch)
        };
        let (first, second) = (batch(&["a", "b"]), batch(&["b", "c"]));
        queued.add(1, &first);
        queued.add(2, &second);
        let there = || {
            let mut there = Vec::new();
            let all = RawRange { start: Vec::new(), end: None, direction: crate::Direction::Forward };
            queued.visit(schema::META.raw, &all, |_, value| {
                there.push(String::from_utf8(value.unwrap().to_vec()).unwrap());
            });
            there
        };
        assert_eq!(there(), ["a", "b", "c"]);
        queued.remove(1, &first);
        assert_eq!(there(), ["b", "c"]);
        queued.remove(2, &second);
        assert_eq!(there(), [] as [&str; 0]);
        assert_eq!(Arc::strong_count(&second), 1);
    }
}
