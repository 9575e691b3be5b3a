//! A batch: writes that happen together or not at all, in one buffer.

use crate::{AnyKeyspace, AsKey, Key, Keyspace, Value, schema};

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
    bytes: Vec<u8>,
}

impl Batch {
    /// An empty batch with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
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
        self.bytes.len()
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets what was to be written and keeps the buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The writes in the order in which they were made.
    pub fn ops(&self) -> impl Iterator<Item = (AnyKeyspace, Op<'_>)> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (header, tail) = rest.split_first_chunk::<HEADER>()?;
            let [kind, k0, k1, a0, a1, a2, a3, b0, b1, b2, b3] = *header;
            let (first, tail) = tail.split_at_checked(u32::from_le_bytes([a0, a1, a2, a3]) as usize)?;
            let (second, tail) = tail.split_at_checked(u32::from_le_bytes([b0, b1, b2, b3]) as usize)?;
            rest = tail;
            let op = match kind {
                PUT => Op::Put { key: first, value: second },
                DELETE => Op::Delete { key: first },
                _ => Op::DeleteRange { from: first, to: second },
            };
            Some((schema::ALL[usize::from(u16::from_le_bytes([k0, k1]))], op))
        })
    }

    fn write(
        &mut self,
        kind: u8,
        keyspace: AnyKeyspace,
        first: impl FnOnce(&mut Vec<u8>),
        second: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        self.bytes.push(kind);
        self.bytes.extend((keyspace.index as u16).to_le_bytes());
        self.bytes.extend([0; 8]);
        first(&mut self.bytes);
        let middle = self.bytes.len();
        second(&mut self.bytes);
        let lengths = [middle - start - HEADER, self.bytes.len() - middle];
        debug_assert!(lengths.iter().all(|length| u32::try_from(*length).is_ok()), "a key or value of 4 GiB");
        for (place, length) in lengths.into_iter().enumerate() {
            let at = start + 3 + place * 4;
            self.bytes[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
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
