//! What a keyspace is: a name, a type of key, a type of value, and how it is used.

use std::marker::PhantomData;

use crate::{Buffer, EventNid, Key, Position, RoomNid, StateId, StateKeyNid, StorageError, TimelineOrder};

/// How a keyspace is read and written; an engine tunes itself by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Keys only grow and are read back by range, newest first: the log, timelines.
    Append,
    /// Looked up by whole key, often for keys that are not there: ids, tokens.
    Point,
    /// Scanned by prefix, written in place.
    Range,
    /// Large values, looked up by whole key: event texts.
    Blob,
}

/// A keyspace without its types, as engines see it.
#[derive(Clone, Copy, Debug)]
pub struct AnyKeyspace {
    /// Unique, and never changed without a migration.
    pub name: &'static str,
    /// How it is used.
    pub access: Access,
    /// Its place in [`schema::ALL`](crate::schema::ALL).
    pub index: usize,
}

/// A keyspace with keys `K` and values `V`; all of them stand in [`schema`](crate::schema).
#[derive(Debug)]
pub struct Keyspace<K, V> {
    /// What engines see of it.
    pub raw: AnyKeyspace,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Value> Keyspace<K, V> {
    pub(crate) const fn new(name: &'static str, access: Access, index: usize) -> Self {
        Self { raw: AnyKeyspace { name, access, index }, types: PhantomData }
    }
}

/// What can be stored under a key.
pub trait Value: Sized {
    /// Appends the value's bytes.
    fn encode(&self, out: &mut Buffer);
    /// Reads a value from exactly these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, StorageError>;
}

impl Value for () {
    fn encode(&self, _: &mut Buffer) {}

    fn decode(_: &[u8]) -> Result<Self, StorageError> {
        Ok(())
    }
}

impl Value for Vec<u8> {
    fn encode(&self, out: &mut Buffer) {
        out.extend(self);
    }

    fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        Ok(bytes.to_vec())
    }
}

impl Value for String {
    fn encode(&self, out: &mut Buffer) {
        out.extend(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        String::from_utf8(bytes.to_vec()).map_err(|_| StorageError::corrupt("a value is not UTF-8"))
    }
}

/// Values encoded by `postcard`: compact, and as fast as a copy. A change of their shape is a migration.
macro_rules! row {
    ($($row:ty),* $(,)?) => {$(
        impl $crate::Value for $row {
            fn encode(&self, out: &mut $crate::Buffer) {
                // Rows hold no type that postcard cannot write.
                if let Err(error) = out.extend_row(self) {
                    unreachable!("a row that cannot be encoded: {error}")
                }
            }

            fn decode(bytes: &[u8]) -> Result<Self, $crate::StorageError> {
                postcard::from_bytes(bytes).map_err(|error| {
                    $crate::StorageError::corrupt(format!(concat!("a ", stringify!($row), " cannot be read: {}"), error))
                })
            }
        }
    )*};
}
pub(crate) use row;

row!(u64, Position, RoomNid, EventNid, StateKeyNid, StateId, TimelineOrder);
