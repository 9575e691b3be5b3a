//! The engine on disk: RocksDB, one column family for each keyspace.

mod tuning;

use std::{collections::BTreeSet, fs, io, path::Path, sync::Arc};

use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, DBRawIterator, Options, ReadOptions, Snapshot, WriteBatch,
    WriteOptions,
};
use self_cell::self_cell;

use crate::{AnyKeyspace, Batch, Direction, Op, RawRange, RawScan, StorageError, engine::Engine, schema};

/// How RocksDB is set up.
#[derive(Clone, Debug)]
pub struct RocksOptions {
    /// The bound, in bytes, on what it holds in memory: blocks read, indexes, filters, and what waits to be
    /// flushed.
    pub memory_bytes: u64,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20 }
    }
}

type Handles<'a> = Vec<&'a ColumnFamily>;

self_cell!(
    /// The database with the handles of its column families, by [`AnyKeyspace::index`].
    struct Database {
        owner: DB,
        #[covariant]
        dependent: Handles,
    }
);

struct Opened {
    database: Database,
    latest: ReadOptions,
    synced: WriteOptions,
    unsynced: WriteOptions,
}

impl Opened {
    fn db(&self) -> &DB {
        self.database.borrow_owner()
    }

    fn family(&self, keyspace: AnyKeyspace) -> &ColumnFamily {
        self.database.borrow_dependent()[keyspace.index]
    }
}

/// RocksDB in a folder. Closed, and its lock given back, when the last clone and the last snapshot are gone.
#[derive(Clone)]
pub struct RocksEngine {
    opened: Arc<Opened>,
}

impl RocksEngine {
    /// Opens the database in a folder, or makes one where there is none.
    ///
    /// Fails if another server has it open, or if the folder holds the remains of a database whose index of
    /// files (`CURRENT` and the manifest) is lost: RocksDB would take it for an empty one and delete them.
    pub fn open(folder: &Path, options: &RocksOptions) -> Result<Self, StorageError> {
        Self::open_in_mode(folder, options, false)
    }

    /// Opens the database in a folder to read it as it is at this moment. Writes nothing, and takes no lock.
    pub fn open_read_only(folder: &Path, options: &RocksOptions) -> Result<Self, StorageError> {
        Self::open_in_mode(folder, options, true)
    }

    fn open_in_mode(folder: &Path, options: &RocksOptions, read_only: bool) -> Result<Self, StorageError> {
        let there = is_database(folder)?;
        if !there && read_only {
            return Err(StorageError::Engine(format!("{} holds no database", folder.display())));
        }
        if !there {
            fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
        }
        let tuning = tuning::Tuning::new(options);
        let database_options = tuning.database();
        let families = families(folder, there, &tuning, &database_options, read_only)?;
        let db = if read_only {
            DB::open_cf_descriptors_read_only(&database_options, folder, families, false)
        } else {
            DB::open_cf_descriptors(&database_options, folder, families)
        };
        let db = db.map_err(|error| match error.to_string() {
            message if message.contains("LOCK") => StorageError::Engine(format!(
                "another server is running on {}, or its folder cannot be locked: {message}",
                folder.display()
            )),
            message => StorageError::Engine(message),
        })?;
        let database = Database::try_new(db, |db| {
            schema::ALL
                .iter()
                .map(|keyspace| {
                    // Opening to write makes what is missing.
                    db.cf_handle(keyspace.name).ok_or_else(|| {
                        let (folder, name) = (folder.display(), keyspace.name);
                        StorageError::Engine(format!(
                            "{folder} has no keyspace {name} yet: start this server on it once"
                        ))
                    })
                })
                .collect::<Result<_, _>>()
        })?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        let unsynced = WriteOptions::default();
        Ok(Self { opened: Arc::new(Opened { database, latest: ReadOptions::default(), synced, unsynced }) })
    }

    fn reads<'a>(&'a self, at: Option<&'a RocksSnapshot>) -> &'a ReadOptions {
        at.map_or(&self.opened.latest, |snapshot| &snapshot.held.borrow_dependent().reads)
    }
}

/// Whether there is a database in the folder; an error if there are only pieces of one.
fn is_database(folder: &Path) -> Result<bool, StorageError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut holds_data = false;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        holds_data |= matches!(path.extension().and_then(|end| end.to_str()), Some("sst" | "blob" | "log"));
    }
    let lost = |what: &str| {
        StorageError::corrupt(format!(
            "{} holds data files but no {what}: restore the folder from a backup",
            folder.display()
        ))
    };
    match fs::read_to_string(folder.join("CURRENT")) {
        Ok(manifest) => match folder.join(manifest.trim_end()).try_exists() {
            Ok(true) => Ok(true),
            Ok(false) => Err(lost("manifest")),
            Err(error) => Err(unreadable(folder, &error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && holds_data => Err(lost("file CURRENT")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(folder, &error)),
    }
}

/// Every keyspace, and what else the folder holds: RocksDB opens all column families or none, and a folder
/// of a newer server must open, so that it can be refused by its schema version.
fn families(
    folder: &Path,
    there: bool,
    tuning: &tuning::Tuning,
    options: &Options,
    read_only: bool,
) -> Result<Vec<ColumnFamilyDescriptor>, StorageError> {
    let found: BTreeSet<String> = if there {
        DB::list_cf(options, folder).map_err(failed)?.into_iter().collect()
    } else {
        BTreeSet::new()
    };
    let known = schema::ALL.iter().filter(|keyspace| !read_only || found.contains(keyspace.name));
    let unknown = found.iter().filter(|name| schema::ALL.iter().all(|keyspace| keyspace.name != *name));
    Ok(known
        .map(|keyspace| ColumnFamilyDescriptor::new(keyspace.name, tuning.keyspace(keyspace.access)))
        .chain(unknown.map(|name| ColumnFamilyDescriptor::new(name, tuning.unused())))
        .collect())
}

fn unreadable(folder: &Path, error: &io::Error) -> StorageError {
    StorageError::Engine(format!("{}: {error}", folder.display()))
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

/// A scan under way.
pub struct RocksScan<'a> {
    raw: DBRawIterator<'a>,
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
        match (&self.place, self.direction) {
            (Place::Before, Direction::Forward) => self.raw.seek_to_first(),
            (Place::Before, Direction::Reverse) => self.raw.seek_to_last(),
            (Place::Within, Direction::Forward) => self.raw.next(),
            (Place::Within, Direction::Reverse) => self.raw.prev(),
            (Place::Behind, _) => return Ok(None),
        }
        match self.raw.item() {
            Some((key, value)) => {
                self.place = Place::Within;
                Ok(Some(read(key, value)))
            }
            None => {
                self.place = Place::Behind;
                self.raw.status().map_err(failed).map(|()| None)
            }
        }
    }
}

impl Engine for RocksEngine {
    type Scan<'a> = RocksScan<'a>;
    type Snapshot = RocksSnapshot;

    fn snapshot(&self) -> RocksSnapshot {
        let held = HeldSnapshot::new(self.opened.clone(), |opened| {
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
        let family = self.opened.family(keyspace);
        let found = self.opened.db().get_pinned_cf_opt(family, key, self.reads(at)).map_err(failed)?;
        Ok(found.map(|value| read(&value)))
    }

    fn multi_get<T>(
        &self,
        at: Option<&RocksSnapshot>,
        keyspace: AnyKeyspace,
        keys: &[&[u8]],
        mut read: impl FnMut(&[u8]) -> T,
    ) -> Result<Vec<Option<T>>, StorageError> {
        let family = self.opened.family(keyspace);
        self.opened
            .db()
            .batched_multi_get_cf_opt(family, keys.iter().copied(), false, self.reads(at))
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
        let family = self.opened.family(keyspace);
        let raw = match at {
            Some(snapshot) => snapshot.held.borrow_dependent().snapshot.raw_iterator_cf_opt(family, reads),
            None => self.opened.db().raw_iterator_cf_opt(family, reads),
        };
        RocksScan { raw, direction: range.direction, place: Place::Before }
    }

    fn apply<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch> + Clone,
        sync: bool,
    ) -> Result<(), StorageError> {
        // RocksDB's own form of a batch is a little smaller than ours.
        let mut whole = WriteBatch::with_capacity_bytes(batches.clone().map(Batch::size).sum());
        for (keyspace, op) in batches.flat_map(Batch::ops) {
            let family = self.opened.family(keyspace);
            match op {
                Op::Put { key, value } => whole.put_cf(family, key, value),
                Op::Delete { key } => whole.delete_cf(family, key),
                Op::DeleteRange { from, to } => whole.delete_range_cf(family, from, to),
            }
        }
        let options = if sync { &self.opened.synced } else { &self.opened.unsynced };
        self.opened.db().write_opt(whole, options).map_err(failed)
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.opened.db().flush_wal(true).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
