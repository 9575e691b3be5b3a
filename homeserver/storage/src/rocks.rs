//! The engine on disk: RocksDB, one column family for each keyspace.

mod opened;
mod recovery;
mod tuning;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::{ArcSwap, Guard};
use rocksdb::{CompactOptions, DBRawIterator, ReadOptions, Snapshot, WriteBatch};
use self_cell::self_cell;

use self::opened::{Mode, Opened};
use crate::{AnyKeyspace, Batch, Direction, Op, RawRange, RawScan, StorageError, engine::Engine};

/// How RocksDB is set up.
#[derive(Clone, Debug)]
pub struct RocksOptions {
    /// The bound, in bytes, on what it holds in memory: blocks read, indexes, filters, and what waits to be
    /// flushed.
    pub memory_bytes: u64,
    /// How many files it keeps open.
    pub open_files: u32,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, open_files: 256 }
    }
}

/// RocksDB in a folder. Closed, and its lock given back, when the last clone and the last snapshot are gone.
#[derive(Clone)]
pub struct RocksEngine {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    options: RocksOptions,
    /// Another one after a [recovery](Engine::recover).
    opened: ArcSwap<Opened>,
}

impl RocksEngine {
    /// Opens the database in a folder, or makes one where there is none.
    ///
    /// Fails if another server has it open, or if the folder holds the remains of a database whose index of
    /// files (`CURRENT` and the manifest) is lost.
    pub fn open(folder: &Path, options: &RocksOptions) -> Result<Self, StorageError> {
        Self::open_for(folder, options, Mode::Write)
    }

    /// Opens the database in a folder to read it as it is at this moment. Writes nothing, and takes no lock.
    pub fn open_read_only(folder: &Path, options: &RocksOptions) -> Result<Self, StorageError> {
        Self::open_for(folder, options, Mode::Read)
    }

    fn open_for(folder: &Path, options: &RocksOptions, mode: Mode) -> Result<Self, StorageError> {
        let opened = ArcSwap::from_pointee(Opened::open(folder, options, mode)?);
        Ok(Self { shared: Arc::new(Shared { folder: folder.to_owned(), options: options.clone(), opened }) })
    }
}

/// The database that is read: that of the snapshot, or the one that is open now.
enum Source<'a> {
    Snapshot(&'a RocksSnapshot),
    Latest(Guard<Arc<Opened>>),
}

impl RocksEngine {
    fn source<'a>(&self, at: Option<&'a RocksSnapshot>) -> Source<'a> {
        at.map_or_else(|| Source::Latest(self.shared.opened.load()), Source::Snapshot)
    }
}

impl Source<'_> {
    fn opened(&self) -> &Arc<Opened> {
        match self {
            Self::Snapshot(snapshot) => snapshot.held.borrow_owner(),
            Self::Latest(opened) => opened,
        }
    }

    fn reads(&self) -> &ReadOptions {
        match self {
            Self::Snapshot(snapshot) => &snapshot.held.borrow_dependent().reads,
            Self::Latest(opened) => &opened.latest,
        }
    }
}

fn failed(error: rocksdb::Error) -> StorageError {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => StorageError::Corrupt(error.into_string()),
        _ => StorageError::Engine(error.into_string()),
    }
}

/// A snapshot with the options that read at it.
struct Held<'a> {
    snapshot: Snapshot<'a>,
    reads: ReadOptions,
}

self_cell!(
    struct HeldSnapshot {
        owner: Arc<Opened>,
        #[covariant]
        dependent: Held,
    }
);

/// A state of the database that no later write changes. While it lives, nothing it shows is removed from
/// disk: hold it for a request, not for a session.
pub struct RocksSnapshot {
    held: HeldSnapshot,
}

self_cell!(
    struct HeldIterator {
        owner: Arc<Opened>,
        #[covariant]
        dependent: DBRawIterator,
    }
);

/// A scan under way. It keeps the database that it reads open, and the snapshot at which it does.
pub struct RocksScan<'a> {
    held: HeldIterator,
    _snapshot: Option<&'a RocksSnapshot>,
    direction: Direction,
    place: Place,
}

enum Place {
    Before,
    Within,
    Behind,
}

impl RawScan for RocksScan<'_> {
    fn next<T>(&mut self, read: impl FnOnce(&[u8], &[u8]) -> T) -> Result<Option<T>, StorageError> {
        let (place, direction) = (&mut self.place, self.direction);
        self.held.with_dependent_mut(|_, raw| {
            match (&*place, direction) {
                (Place::Before, Direction::Forward) => raw.seek_to_first(),
                (Place::Before, Direction::Reverse) => raw.seek_to_last(),
                (Place::Within, Direction::Forward) => raw.next(),
                (Place::Within, Direction::Reverse) => raw.prev(),
                (Place::Behind, _) => return Ok(None),
            }
            match raw.item() {
                Some((key, value)) => {
                    *place = Place::Within;
                    Ok(Some(read(key, value)))
                }
                None => {
                    *place = Place::Behind;
                    raw.status().map_err(failed).map(|()| None)
                }
            }
        })
    }
}

impl Engine for RocksEngine {
    type Scan<'a> = RocksScan<'a>;
    type Snapshot = RocksSnapshot;

    fn snapshot(&self) -> RocksSnapshot {
        let held = HeldSnapshot::new(self.shared.opened.load_full(), |opened| {
            let snapshot = opened.db().snapshot();
            let mut reads = ReadOptions::default();
            reads.set_snapshot(&snapshot);
            Held { snapshot, reads }
        });
        RocksSnapshot { held }
    }

    fn get<T>(
        &self,
        at: Option<&RocksSnapshot>,
        keyspace: AnyKeyspace,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StorageError> {
        let source = self.source(at);
        let opened = source.opened();
        let found =
            opened.db().get_pinned_cf_opt(opened.family(keyspace), key, source.reads()).map_err(failed)?;
        Ok(found.map(|value| read(&value)))
    }

    fn multi_get<T>(
        &self,
        at: Option<&RocksSnapshot>,
        keyspace: AnyKeyspace,
        keys: &[&[u8]],
        mut read: impl FnMut(&[u8]) -> T,
    ) -> Result<Vec<Option<T>>, StorageError> {
        let source = self.source(at);
        let opened = source.opened();
        opened
            .db()
            .batched_multi_get_cf_opt(opened.family(keyspace), keys.iter().copied(), false, source.reads())
            .into_iter()
            .map(|found| Ok(found.map_err(failed)?.map(|value| read(&value))))
            .collect()
    }

    fn scan<'a>(
        &'a self,
        at: Option<&'a RocksSnapshot>,
        keyspace: AnyKeyspace,
        range: RawRange,
    ) -> RocksScan<'a> {
        let mut reads = ReadOptions::default();
        reads.set_iterate_lower_bound(range.start);
        if let Some(end) = range.end {
            reads.set_iterate_upper_bound(end);
        }
        let owner = self.source(at).opened().clone();
        let held = HeldIterator::new(owner, |opened| {
            let family = opened.family(keyspace);
            match at {
                Some(snapshot) => {
                    reads.set_snapshot(&snapshot.held.borrow_dependent().snapshot);
                    opened.db().raw_iterator_cf_opt(family, reads)
                }
                None => opened.db().raw_iterator_cf_opt(family, reads),
            }
        });
        RocksScan { held, _snapshot: at, direction: range.direction, place: Place::Before }
    }

    fn apply<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch> + Clone,
        sync: bool,
    ) -> Result<(), StorageError> {
        let opened = self.shared.opened.load();
        // RocksDB's own form of a batch is a little smaller than ours.
        let mut whole = WriteBatch::with_capacity_bytes(batches.clone().map(Batch::size).sum());
        for (keyspace, op) in batches.flat_map(Batch::ops) {
            let family = opened.family(keyspace);
            match op {
                Op::Put { key, value } => whole.put_cf(family, key, value),
                Op::Delete { key } => whole.delete_cf(family, key),
                Op::DeleteRange { from, to } => whole.delete_range_cf(family, from, to),
            }
        }
        let options = if sync { &opened.synced } else { &opened.unsynced };
        opened.db().write_opt(whole, options).map_err(failed)
    }

    fn recover(&self) -> Result<(), StorageError> {
        self.shared.recover()
    }

    fn compact(&self, keyspace: AnyKeyspace) {
        let opened = self.shared.opened.load_full();
        let mut options = CompactOptions::default();
        // What RocksDB does by itself goes on.
        options.set_exclusive_manual_compaction(false);
        let all: (Option<&[u8]>, Option<&[u8]>) = (None, None);
        opened.db().compact_range_cf_opt(opened.family(keyspace), all.0, all.1, &options);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::schema;

    fn refusal(folder: &Path) -> String {
        match RocksEngine::open(folder, &RocksOptions::default()) {
            Ok(_) => panic!("opened"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_second_server_is_told_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = RocksEngine::open(folder.path(), &RocksOptions::default()).unwrap();
        assert!(refusal(folder.path()).contains("another server is running"));
        drop(first);
        RocksEngine::open(folder.path(), &RocksOptions::default()).unwrap();
    }

    #[test]
    fn a_folder_without_its_index_of_files_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("000012.sst"), b"precious").unwrap();
        assert!(refusal(folder.path()).contains("no file CURRENT"));
        fs::write(folder.path().join("CURRENT"), b"MANIFEST-000005\n").unwrap();
        assert!(refusal(folder.path()).contains("no manifest"));
        assert_eq!(fs::read(folder.path().join("000012.sst")).unwrap(), b"precious");
    }

    #[test]
    fn a_folder_can_be_read_while_a_server_runs_on_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(RocksEngine::open_read_only(folder.path(), &RocksOptions::default()).is_err());
        let server = RocksEngine::open(folder.path(), &RocksOptions::default()).unwrap();
        let mut batch = Batch::default();
        batch.put(&schema::META, ("a",), &"b".to_owned());
        server.apply([&batch].into_iter(), true).unwrap();
        let reader = RocksEngine::open_read_only(folder.path(), &RocksOptions::default()).unwrap();
        let value = reader.get(None, schema::META.raw, b"a\0\x01", <[u8]>::to_vec).unwrap();
        assert_eq!(value.as_deref(), Some(b"b".as_slice()));
    }

    /// Writes 100 synced batches, and gives the path of the WAL that holds them.
    fn write_ahead(folder: &Path) -> std::path::PathBuf {
        let engine = RocksEngine::open(folder, &RocksOptions::default()).unwrap();
        for number in 0..100 {
            let mut batch = Batch::default();
            batch.put(&schema::META, (format!("{number:02}"),), &"x".repeat(1000));
            engine.apply([&batch].into_iter(), true).unwrap();
        }
        drop(engine);
        let logs = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let logs = logs.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
    }

    #[test]
    fn a_torn_end_of_the_wal_is_dropped_and_nothing_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let wal = fs::File::options().write(true).open(write_ahead(folder.path())).unwrap();
        wal.set_len(wal.metadata().unwrap().len() - 10).unwrap();
        let engine = RocksEngine::open(folder.path(), &RocksOptions::default()).unwrap();
        let mut scan = engine.scan(
            None,
            schema::META.raw,
            RawRange { start: Vec::new(), end: None, direction: Direction::Reverse },
        );
        assert_eq!(scan.next(|key, _| key.to_vec()).unwrap().as_deref(), Some(b"98\0\x01".as_slice()));
        assert_eq!(std::iter::from_fn(|| scan.next(|_, _| ()).unwrap()).count(), 98);
    }

    #[test]
    fn damage_before_the_end_of_the_wal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_ahead(folder.path());
        let mut wal = fs::read(&path).unwrap();
        let middle = wal.len() / 2;
        wal[middle] ^= 1;
        fs::write(&path, wal).unwrap();
        assert!(refusal(folder.path()).contains("Corruption"));
    }
}
