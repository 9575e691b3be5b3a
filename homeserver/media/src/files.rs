//! The files: where they lie, and how one comes there whole or not at all.

use std::{
    fmt::{Display, Write as _},
    fs, io,
    path::{Path, PathBuf},
    pin::pin,
};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hearth_storage::{Random, blocking};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};

use crate::MediaError;

/// The media folder: `files` and `thumbnails` by hash, and `incoming` for what is being received.
pub(crate) struct Files {
    folder: PathBuf,
}

/// Bytes that were received and synced, but have no place yet. Dropped, they are deleted.
pub(crate) struct Received {
    path: Option<PathBuf>,
    pub(crate) sha256: [u8; 32],
    pub(crate) size: u64,
}

/// Deletes a file that was not finished.
struct Incoming(Option<PathBuf>);

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // It may never have been made.
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        drop(Incoming(self.path.take()));
    }
}

impl Files {
    /// Opens the folder and clears away what an earlier run was receiving.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        for part in ["files", "thumbnails"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let incoming = folder.join("incoming");
        if incoming.exists() {
            fs::remove_dir_all(&incoming)?;
        }
        fs::create_dir(&incoming)?;
        Ok(Self { folder })
    }

    /// Where the bytes with this hash lie.
    pub(crate) fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        place(self.folder.join("files"), sha256)
    }

    /// The folder of thumbnails of the image with this hash.
    pub(crate) fn thumbnails(&self, sha256: &[u8; 32]) -> PathBuf {
        place(self.folder.join("thumbnails"), sha256)
    }

    /// A path for something that is not whole yet.
    pub(crate) fn incoming(&self, random: &dyn Random) -> PathBuf {
        let mut name = [0; 16];
        random.fill(&mut name);
        self.folder.join("incoming").join(hex(&name))
    }

    /// Writes a body to disk as it comes, and syncs it.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooLarge`] beyond `limit` bytes, [`MediaError::Interrupted`] when the body fails.
    pub(crate) async fn receive<S, E>(
        &self,
        random: &dyn Random,
        limit: u64,
        body: S,
    ) -> Result<Received, MediaError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let path = self.incoming(random);
        let mut incoming = Incoming(Some(path.clone()));
        let mut file = BufWriter::with_capacity(128 << 10, File::create_new(&path).await?);
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut body = pin!(body);
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| MediaError::Interrupted(error.to_string()))?;
            size += part.len() as u64;
            if size > limit {
                return Err(MediaError::TooLarge);
            }
            hasher.update(&part);
            file.write_all(&part).await?;
        }
        file.flush().await?;
        file.into_inner().sync_all().await?;
        Ok(Received { path: incoming.0.take(), sha256: hasher.finalize().into(), size })
    }

    /// Puts received bytes into their place, for good. Whoever calls this holds the lock of the hash.
    pub(crate) fn keep(&self, mut received: Received) -> Result<(), MediaError> {
        let Some(from) = received.path.take() else { return Ok(()) };
        let to = self.path(&received.sha256);
        let incoming = Incoming(Some(from.clone()));
        blocking(|| match to.try_exists()? {
            true => Ok(()),
            false => move_durably(&from, &to),
        })?;
        drop(incoming);
        Ok(())
    }

    /// Deletes the bytes with this hash and their thumbnails. Whoever calls this holds the lock of the hash.
    pub(crate) fn delete(&self, sha256: &[u8; 32]) -> Result<(), MediaError> {
        let (file, thumbnails) = (self.path(sha256), self.thumbnails(sha256));
        Ok(blocking(|| {
            absent_is_fine(fs::remove_dir_all(thumbnails))?;
            absent_is_fine(fs::remove_file(file))
        })?)
    }
}

/// Moves a synced file so that a loss of power leaves it where it was or where it goes.
pub(crate) fn move_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut made = Vec::new();
    for folder in to.ancestors().skip(1) {
        made.push(folder);
        if folder.try_exists()? {
            break;
        }
    }
    // Also the folder above the first new one holds a new entry.
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)?;
    made.into_iter().try_for_each(|folder| fs::File::open(folder)?.sync_all())
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Two levels of folders, so that none has too many entries.
fn place(folder: PathBuf, sha256: &[u8; 32]) -> PathBuf {
    let name = hex(sha256);
    folder.join(&name[..2]).join(&name[2..4]).join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
