//! How a database that takes no more writes comes to take them again.
//!
//! After many a failed write (no descriptor was left, a file could not grow) RocksDB refuses all further ones until
//! it is opened anew. Reading must go on meanwhile, and a database can be open for writing only once: so it is first
//! opened to be read, beside the one that failed, and that one is closed when its last reader is gone.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    RocksOptions, Shared,
    opened::{Mode, Opened, unreadable},
};
use crate::StorageError;

/// What there must be room for before the database is opened anew: so many files open at once, and so many bytes.
/// Opening in vain would read the whole write-ahead log each time.
const FILES: usize = 32;
const BYTES: usize = 4 << 20;

/// How long the readers of the database that failed may take to come to their end.
const PATIENCE: Duration = Duration::from_secs(30);

impl Shared {
    pub(super) fn recover(&self) -> Result<(), StorageError> {
        try_room(&self.folder).map_err(|error| unreadable(&self.folder, &error))?;
        if self.opened.load().mode == Mode::Write {
            let options = RocksOptions { memory_bytes: self.options.memory_bytes / 4, ..self.options };
            let reading = Arc::new(Opened::open(&self.folder, &options, Mode::Read)?);
            close(self.opened.swap(reading)).map_err(|failed| {
                self.opened.store(failed);
                StorageError::Engine("the database cannot be opened anew: someone still reads it".to_owned())
            })?;
        }
        self.opened.store(Arc::new(Opened::open(&self.folder, &self.options, Mode::Write)?));
        Ok(())
    }
}

/// Closes a database when its last reader is gone. Gives it back if that takes too long.
#[expect(clippy::disallowed_methods, reason = "no simulation has a disk")]
fn close(opened: Arc<Opened>) -> Result<(), Arc<Opened>> {
    let begun = Instant::now();
    let mut opened = opened;
    while begun.elapsed() < PATIENCE {
        match Arc::try_unwrap(opened) {
            Ok(_) => return Ok(()),
            Err(still_read) => opened = still_read,
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(opened)
}

/// Whether the folder takes some new files.
fn try_room(folder: &Path) -> io::Result<()> {
    let path = folder.join("room");
    let mut files = Vec::with_capacity(FILES);
    for _ in 0..FILES {
        files.push(File::create(&path)?);
        // It is gone as soon as it is closed.
        fs::remove_file(&path)?;
    }
    for file in files.iter_mut().take(1) {
        file.write_all(&vec![0; BYTES])?;
        file.sync_all()?;
    }
    Ok(())
}
