//! A database that is open: its column families, and how it is opened.

use std::{collections::BTreeSet, fs, io, path::Path};

use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, Options, ReadOptions, WriteOptions};
use self_cell::self_cell;

use super::{RocksOptions, failed, tuning::Tuning};
use crate::{AnyKeyspace, StorageError, schema};

/// What a database is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is made where there is none, and nobody else may have it open.
    Write,
    /// It is read as it is at this moment: nothing is written, and no lock is taken.
    Read,
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

/// An open database.
pub(super) struct Opened {
    pub(super) mode: Mode,
    database: Database,
    pub(super) latest: ReadOptions,
    pub(super) synced: WriteOptions,
    pub(super) unsynced: WriteOptions,
}

impl Opened {
    /// Opens the database in a folder. Where an index of files is lost, RocksDB would take the folder for an empty
    /// one and delete what is there: that is an error.
    pub(super) fn open(folder: &Path, options: &RocksOptions, mode: Mode) -> Result<Self, StorageError> {
        let read_only = mode == Mode::Read;
        let there = is_database(folder)?;
        if !there && read_only {
            return Err(StorageError::Engine(format!("{} holds no database", folder.display())));
        }
        if !there {
            fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
        }
        let tuning = Tuning::new(options);
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
        Ok(Self { mode, database, latest: ReadOptions::default(), synced, unsynced })
    }

    pub(super) fn db(&self) -> &DB {
        self.database.borrow_owner()
    }

    pub(super) fn family(&self, keyspace: AnyKeyspace) -> &ColumnFamily {
        self.database.borrow_dependent()[keyspace.index]
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
    tuning: &Tuning,
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

pub(super) fn unreadable(folder: &Path, error: &io::Error) -> StorageError {
    StorageError::Engine(format!("{}: {error}", folder.display()))
}
