//! What an engine is: ordered keys, atomic batches, snapshots. No more is assumed of it.

use crate::{AnyKeyspace, Batch, MemoryEngine, RocksEngine, StorageError, memory, rocks};

/// Which way a scan goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Greatest key first.
    Reverse,
}

/// A range of encoded keys, and which way to go through it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawRange {
    /// The first key, inclusive.
    pub start: Vec<u8>,
    /// The end, exclusive; `None` for no end.
    pub end: Option<Vec<u8>>,
    /// Which way to go.
    pub direction: Direction,
}

/// Ordered keyspaces, those of [`schema::ALL`](crate::schema::ALL). Cheap to clone: all clones are one engine.
///
/// Reads take the snapshot at which to read, or `None` for the latest state. They hand what they found to a
/// closure as it lies there, so that a value is decoded without being copied first.
pub trait Engine: Clone + Send + Sync + 'static {
    /// A state of the whole engine that no later write changes.
    type Snapshot: Send + Sync + 'static;
    /// A scan under way.
    type Scan<'a>: RawScan;

    /// The state as it is now.
    fn snapshot(&self) -> Self::Snapshot;

    /// Reads one key.
    fn get<T>(
        &self,
        at: Option<&Self::Snapshot>,
        keyspace: AnyKeyspace,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StorageError>;

    /// Reads several keys; the answers stand in the order of the keys.
    fn multi_get<T>(
        &self,
        at: Option<&Self::Snapshot>,
        keyspace: AnyKeyspace,
        keys: &[&[u8]],
        read: impl FnMut(&[u8]) -> T,
    ) -> Result<Vec<Option<T>>, StorageError>;

    /// Goes through a range. Without a snapshot it shows the state at this call throughout.
    fn scan<'a>(
        &'a self,
        at: Option<&'a Self::Snapshot>,
        keyspace: AnyKeyspace,
        range: RawRange,
    ) -> Self::Scan<'a>;

    /// Writes all batches as one: all of it happens, or none. With `sync` it is on disk when this returns;
    /// without, a later sync brings it there, never before what was written earlier.
    fn apply<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch> + Clone,
        sync: bool,
    ) -> Result<(), StorageError>;

    /// After [`apply`](Self::apply) failed: does what it takes to write again. Reading goes on meanwhile. The write
    /// that failed may be there now or not; it is whole if it is.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if it cannot be done yet; any other if it never can.
    fn recover(&self) -> Result<(), StorageError>;

    /// Gives room on the disk back that keys of a keyspace took which were deleted or written anew, at once and not
    /// bit by bit. It reads and writes all of the keyspace; others go on meanwhile.
    fn compact(&self, keyspace: AnyKeyspace);
}

/// A scan under way.
pub trait RawScan {
    /// Hands the next key and value to `read`; `None` at the end, and again from then on.
    fn next<T>(&mut self, read: impl FnOnce(&[u8], &[u8]) -> T) -> Result<Option<T>, StorageError>;
}

/// One of the engines, chosen at the start and dispatched statically from then on.
#[derive(Clone)]
pub enum AnyEngine {
    /// On disk.
    Rocks(RocksEngine),
    /// In memory, for tests.
    Memory(MemoryEngine),
}

impl From<RocksEngine> for AnyEngine {
    fn from(engine: RocksEngine) -> Self {
        Self::Rocks(engine)
    }
}

impl From<MemoryEngine> for AnyEngine {
    fn from(engine: MemoryEngine) -> Self {
        Self::Memory(engine)
    }
}

/// A snapshot of [`AnyEngine`].
pub enum AnySnapshot {
    Rocks(rocks::RocksSnapshot),
    Memory(memory::MemorySnapshot),
}

impl AnySnapshot {
    fn rocks(&self) -> Option<&rocks::RocksSnapshot> {
        match self {
            Self::Rocks(snapshot) => Some(snapshot),
            Self::Memory(_) => None,
        }
    }

    fn memory(&self) -> Option<&memory::MemorySnapshot> {
        match self {
            Self::Memory(snapshot) => Some(snapshot),
            Self::Rocks(_) => None,
        }
    }
}

/// A scan of [`AnyEngine`].
// The sizes differ as RocksDB keeps its iterator behind a pointer; a scan is made once and not moved about.
#[allow(clippy::large_enum_variant)]
pub enum AnyScan<'a> {
    Rocks(rocks::RocksScan<'a>),
    Memory(memory::MemoryScan<'a>),
}

impl RawScan for AnyScan<'_> {
    fn next<T>(&mut self, read: impl FnOnce(&[u8], &[u8]) -> T) -> Result<Option<T>, StorageError> {
        match self {
            Self::Rocks(scan) => scan.next(read),
            Self::Memory(scan) => scan.next(read),
        }
    }
}

// A snapshot is only ever used with the engine that gave it: `View` holds both.
impl Engine for AnyEngine {
    type Scan<'a> = AnyScan<'a>;
    type Snapshot = AnySnapshot;

    fn snapshot(&self) -> AnySnapshot {
        match self {
            Self::Rocks(engine) => AnySnapshot::Rocks(engine.snapshot()),
            Self::Memory(engine) => AnySnapshot::Memory(engine.snapshot()),
        }
    }

    fn get<T>(
        &self,
        at: Option<&AnySnapshot>,
        keyspace: AnyKeyspace,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StorageError> {
        match self {
            Self::Rocks(engine) => engine.get(at.and_then(AnySnapshot::rocks), keyspace, key, read),
            Self::Memory(engine) => engine.get(at.and_then(AnySnapshot::memory), keyspace, key, read),
        }
    }

    fn multi_get<T>(
        &self,
        at: Option<&AnySnapshot>,
        keyspace: AnyKeyspace,
        keys: &[&[u8]],
        read: impl FnMut(&[u8]) -> T,
    ) -> Result<Vec<Option<T>>, StorageError> {
        match self {
            Self::Rocks(engine) => engine.multi_get(at.and_then(AnySnapshot::rocks), keyspace, keys, read),
            Self::Memory(engine) => engine.multi_get(at.and_then(AnySnapshot::memory), keyspace, keys, read),
        }
    }

    fn scan<'a>(
        &'a self,
        at: Option<&'a AnySnapshot>,
        keyspace: AnyKeyspace,
        range: RawRange,
    ) -> AnyScan<'a> {
        match self {
            Self::Rocks(engine) => {
                AnyScan::Rocks(engine.scan(at.and_then(AnySnapshot::rocks), keyspace, range))
            }
            Self::Memory(engine) => {
                AnyScan::Memory(engine.scan(at.and_then(AnySnapshot::memory), keyspace, range))
            }
        }
    }

    fn apply<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch> + Clone,
        sync: bool,
    ) -> Result<(), StorageError> {
        match self {
            Self::Rocks(engine) => engine.apply(batches, sync),
            Self::Memory(engine) => engine.apply(batches, sync),
        }
    }

    fn recover(&self) -> Result<(), StorageError> {
        match self {
            Self::Rocks(engine) => engine.recover(),
            Self::Memory(engine) => engine.recover(),
        }
    }

    fn compact(&self, keyspace: AnyKeyspace) {
        match self {
            Self::Rocks(engine) => engine.compact(keyspace),
            Self::Memory(engine) => engine.compact(keyspace),
        }
    }
}
