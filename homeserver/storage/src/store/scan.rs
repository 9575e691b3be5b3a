//! Which keys of a keyspace a scan goes through.

use std::marker::PhantomData;

use crate::{AsKey, AsPrefix, Direction, RawRange};

/// A range of keys. A prefix and bounds combine: a key must satisfy all of them.
///
/// ```
/// use hearth_storage::{RoomNid, Scan, TimelineOrder, schema};
/// # use hearth_storage::{MemoryEngine, Store, StoreOptions};
/// # let view = Store::open(MemoryEngine::new(), StoreOptions::default())?.view();
/// let room = RoomNid(1);
/// // The last ten events of a room before one of them.
/// let range = Scan::prefix((room,)).until((room, TimelineOrder(500))).reversed();
/// let events: Result<Vec<_>, _> = view.scan(&schema::TIMELINE, range).take(10).collect();
/// # assert!(events?.is_empty());
/// # Ok::<(), hearth_storage::StorageError>(())
/// ```
pub struct Scan<K> {
    pub(crate) range: RawRange,
    key: PhantomData<fn() -> K>,
}

impl<K> Scan<K> {
    /// Every key.
    pub fn all() -> Self {
        let range = RawRange { start: Vec::new(), end: None, direction: Direction::Forward };
        Self { range, key: PhantomData }
    }

    /// The keys that begin with these parts.
    pub fn prefix(prefix: impl AsPrefix<K>) -> Self {
        let start = prefix.encode_prefix();
        let end = end_of_prefix(&start);
        Self { range: RawRange { start, end, direction: Direction::Forward }, key: PhantomData }
    }

    /// From this key on, inclusive.
    pub fn from(self, key: impl AsKey<K>) -> Self {
        self.not_before(key.encode())
    }

    /// What comes after this key.
    pub fn after(self, key: impl AsKey<K>) -> Self {
        self.not_before(successor(key.encode()))
    }

    /// What comes before this key.
    pub fn until(self, key: impl AsKey<K>) -> Self {
        self.before(key.encode())
    }

    /// Up to this key, inclusive.
    pub fn through(self, key: impl AsKey<K>) -> Self {
        self.before(successor(key.encode()))
    }

    /// The other way round: the greatest key first.
    pub fn reversed(mut self) -> Self {
        self.range.direction = match self.range.direction {
            Direction::Forward => Direction::Reverse,
            Direction::Reverse => Direction::Forward,
        };
        self
    }

    fn not_before(mut self, start: Vec<u8>) -> Self {
        if start > self.range.start {
            self.range.start = start;
        }
        self
    }

    fn before(mut self, end: Vec<u8>) -> Self {
        if self.range.end.as_ref().is_none_or(|earlier| end < *earlier) {
            self.range.end = Some(end);
        }
        self
    }
}

/// The smallest key greater than this one.
fn successor(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// The smallest key greater than all that begin so; `None` if there is none.
fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_the_greatest_bytes_has_no_end() {
        assert_eq!(end_of_prefix(&[]), None);
        assert_eq!(end_of_prefix(&[u8::MAX, u8::MAX]), None);
        assert_eq!(end_of_prefix(&[1, u8::MAX]), Some(vec![2]));
        assert_eq!(end_of_prefix(&[1, 2]), Some(vec![1, 3]));
    }

    #[test]
    fn the_narrowest_of_several_bounds_holds() {
        let scan = Scan::<(u64, u64)>::prefix((1_u64,)).from((0_u64, 0_u64)).until((2_u64, 0_u64));
        let prefix = Scan::<(u64, u64)>::prefix((1_u64,));
        assert_eq!(scan.range, prefix.range);
    }
}
