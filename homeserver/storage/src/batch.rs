//! A batch: writes that happen together or not at all, in one buffer.

use std::ops::Range;

use crate::{AnyKeyspace, AsKey, Buffer, Key, Keyspace, Position, Value, schema};

/// One write, as engines see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    /// The key has this value from now on.
    Put { key: &'a [u8], value: &'a [u8] },
    /// The key is not there from now on.
    Delete { key: &'a [u8] },
    /// No key of the range is there from now on.
    DeleteRange {
        /// The first key, inclusive.
        from: &'a [u8],
        /// The end, exclusive.
        to: &'a [u8],
    },
}

const PUT: u8 = 0;
const DELETE: u8 = 1;
const DELETE_RANGE: u8 = 2;

/// The kind, the keyspace's place, and the lengths of what follows.
const HEADER: usize = 1 + 2 + 4 + 4;

/// Writes that happen together or not at all. All of them lie in one buffer, so that a write costs no
/// allocation of its own.
#[derive(Clone, Default, Debug)]
pub struct Batch {
    buffer: Buffer,
}

/// Where a write lies in the buffer.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub keyspace: AnyKeyspace,
    kind: u8,
    pub key: Range<usize>,
    /// The value, or the end of a range.
    second: Range<usize>,
}

impl Location {
    /// Where the value lies; `None` for a deletion.
    pub fn value(&self) -> Option<Range<usize>> {
        (self.kind == PUT).then(|| self.second.clone())
    }
}

impl Batch {
    /// An empty batch with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Buffer::with_capacity(bytes) }
    }

    /// Sets a key's value.
    pub fn put<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>, value: &V) {
        self.write(PUT, keyspace.raw, |out| key.write_key(out), |out| value.encode(out));
    }

    /// Deletes a key, whether it is there or not.
    pub fn delete<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>) {
        self.write(DELETE, keyspace.raw, |out| key.write_key(out), |_| {});
    }

    /// Deletes a key that is already encoded.
    pub(crate) fn delete_raw(&mut self, keyspace: AnyKeyspace, key: &[u8]) {
        self.write(DELETE, keyspace, |out| out.extend(key), |_| {});
    }

    /// Deletes every key from `from`, inclusive, to `to`, exclusive.
    pub fn delete_range<K: Key, V: Value>(
        &mut self,
        keyspace: &Keyspace<K, V>,
        from: impl AsKey<K>,
        to: impl AsKey<K>,
    ) {
        self.write(DELETE_RANGE, keyspace.raw, |out| from.write_key(out), |out| to.write_key(out));
    }

    /// How many bytes it takes in memory.
    pub fn size(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// Forgets what was to be written and keeps the buffer.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Puts real positions in the place of provisional ones; `before` is the last one before this batch.
    pub(crate) fn settle(&mut self, before: Position) {
        self.buffer.settle(before);
    }

    /// The writes in the order in which they were made.
    pub fn ops(&self) -> impl Iterator<Item = (AnyKeyspace, Op<'_>)> {
        self.locations().map(|location| {
            let (first, second) = (self.bytes(&location.key), self.bytes(&location.second));
            let op = match location.kind {
                PUT => Op::Put { key: first, value: second },
                DELETE => Op::Delete { key: first },
                _ => Op::DeleteRange { from: first, to: second },
            };
            (location.keyspace, op)
        })
    }

    /// Where the writes lie, in their order.
    pub(crate) fn locations(&self) -> impl Iterator<Item = Location> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let location = self.location(start)?;
            start = location.second.end;
            Some(location)
        })
    }

    /// Where the write lies that begins there.
    pub(crate) fn location(&self, start: usize) -> Option<Location> {
        let (header, _) = self.buffer.bytes().get(start..)?.split_first_chunk::<HEADER>()?;
        let [kind, k0, k1, a0, a1, a2, a3, b0, b1, b2, b3] = *header;
        let key_start = start + HEADER;
        let key_end = key_start + u32::from_le_bytes([a0, a1, a2, a3]) as usize;
        let end = key_end + u32::from_le_bytes([b0, b1, b2, b3]) as usize;
        let keyspace = schema::ALL[usize::from(u16::from_le_bytes([k0, k1]))];
        Some(Location { keyspace, kind, key: key_start..key_end, second: key_end..end })
    }

    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.buffer.bytes()[range.clone()]
    }

    fn write(
        &mut self,
        kind: u8,
        keyspace: AnyKeyspace,
        first: impl FnOnce(&mut Buffer),
        second: impl FnOnce(&mut Buffer),
    ) {
        let start = self.buffer.len();
        self.buffer.extend([kind]);
        self.buffer.extend((keyspace.index as u16).to_le_bytes());
        self.buffer.extend([0_u8; 8]);
        first(&mut self.buffer);
        let middle = self.buffer.len();
        second(&mut self.buffer);
        let lengths = [middle - start - HEADER, self.buffer.len() - middle];
        debug_assert!(lengths.iter().all(|length| u32::try_from(*length).is_ok()), "a key or value of 4 GiB");
        for (place, length) in lengths.into_iter().enumerate() {
            let at = start + 3 + place * 4;
            self.buffer.bytes_mut()[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    #[test]
    fn a_batch_gives_back_its_writes_in_order() {
        let mut batch = Batch::default();
        assert!(batch.is_empty());
        batch.put(&schema::META, ("a",), &"b".to_owned());
        batch.delete(&schema::CURSORS, ("",));
        batch.delete_range(&schema::LOG, (Position(1),), (Position(258),));
        let ops: Vec<_> = batch.ops().map(|(keyspace, op)| (keyspace.name, op)).collect();
        assert_eq!(
            ops,
            [
                ("META", Op::Put { key: b"a\0\x01", value: b"b" }),
                ("CURSORS", Op::Delete { key: b"\0\x01" }),
                ("LOG", Op::DeleteRange { from: &[0, 0, 0, 0, 0, 0, 0, 1], to: &[0, 0, 0, 0, 0, 0, 1, 2] }),
            ]
        );
    }
}
