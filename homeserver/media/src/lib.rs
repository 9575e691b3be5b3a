//! The content repository: media that users upload, copies of what others have uploaded elsewhere, and
//! thumbnails of both.
//!
//! Bytes lie in files named by their SHA-256, so that equal uploads share one. A file is synced and in its
//! place before the row that names it is committed: what was acknowledged is there. Another server's media is
//! found when a copy was [stored](Media::store_copy): to fetch it is not this crate's business.

mod animation;
mod copy;
mod disposition;
mod download;
mod error;
mod files;
mod found;
mod images;
mod quarantine;
mod retain;
mod thumbnail;
mod upload;
mod usage;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use hearth_storage::{Change, Clock, Random, Store, schema::media::MediaRow};
use ruma::{OwnedServerName, ServerName};
use tokio::sync::{Mutex, Semaphore, watch};

use self::files::Files;
pub use self::{
    download::Download,
    error::MediaError,
    found::{Found, Wanted},
    images::ImageKind,
    quarantine::Quarantined,
    thumbnail::{ThumbnailMethod, ThumbnailRequest},
    upload::{PendingMedia, UploadInfo},
};

/// The content repository. Cheap to clone.
#[derive(Clone)]
pub struct Media {
    inner: Arc<Inner>,
}

/// What is allowed.
#[derive(Clone, Debug)]
pub struct MediaLimits {
    /// The largest upload, in bytes.
    pub upload_bytes: u64,
    /// What one user may upload altogether, in bytes.
    pub user_bytes: u64,
    /// What copies of other servers' media may take altogether, in bytes. Beyond that the oldest go, and are fetched
    /// again when someone asks for them.
    pub copies_bytes: u64,
    /// How long uploads stay, in milliseconds; `None` for ever.
    pub uploads_ms: Option<u64>,
    /// How long such copies stay, in milliseconds; `None` until they take too much.
    pub copies_ms: Option<u64>,
    /// How many uploads of one user may be awaited at once.
    pub pending_uploads: usize,
    /// How long an upload is awaited, in milliseconds.
    pub pending_lifetime_ms: u64,
    /// The largest image of which thumbnails are made, in pixels.
    pub image_pixels: u64,
    /// What decoding an image may take, in bytes.
    pub image_bytes: u64,
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self {
            upload_bytes: 100 << 20,
            user_bytes: 10 << 30,
            copies_bytes: 20 << 30,
            uploads_ms: None,
            copies_ms: None,
            pending_uploads: 100,
            pending_lifetime_ms: 24 * 60 * 60 * 1000,
            image_pixels: 40_000_000,
            image_bytes: 256 << 20,
        }
    }
}

struct Inner {
    store: Store,
    server_name: OwnedServerName,
    files: Files,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    limits: MediaLimits,
    /// What copies of other servers' media take, in bytes.
    copies: AtomicU64,
    /// Ticks when an awaited upload has come.
    uploaded: watch::Sender<u64>,
    /// Held while a file with a hash in this shard gets or loses its last row, or its thumbnails are made.
    by_hash: Box<[Mutex<()>]>,
    /// Held while what a user in this shard has uploaded changes. Taken before `by_hash`.
    by_user: Box<[Mutex<()>]>,
    /// Held while something comes into quarantine, or out of it.
    quarantining: Mutex<()>,
    /// As many images are decoded at once as there are cores.
    image_turns: Arc<Semaphore>,
}

const SHARDS: usize = 256;

impl Media {
    /// Media in `folder`, which is made if it is not there.
    pub fn new(
        store: Store,
        server_name: OwnedServerName,
        folder: impl Into<PathBuf>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        limits: MediaLimits,
    ) -> Result<Self, MediaError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let copies = copy::size(&store)?;
        let locks = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                server_name,
                files: Files::open(folder.into())?,
                clock,
                random,
                limits,
                copies: AtomicU64::new(copies),
                uploaded: watch::Sender::new(0),
                by_hash: locks(),
                by_user: locks(),
                quarantining: Mutex::default(),
                image_turns: Arc::new(Semaphore::new(cores)),
            }),
        })
    }

    /// What is allowed.
    pub fn limits(&self) -> &MediaLimits {
        &self.inner.limits
    }
}

impl Inner {
    /// The row of a piece of media.
    fn row(&self, server: &ServerName, media_id: &str) -> Result<Option<MediaRow>, MediaError> {
        Ok(self.store.view().get(&hearth_storage::schema::MEDIA, (server.as_str(), media_id))?)
    }

    fn hash_lock(&self, sha256: &[u8; 32]) -> &Mutex<()> {
        &self.by_hash[usize::from(sha256[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests;

/// What the log tells of a piece of media of which something changed.
fn changed(server: &str, media_id: &str) -> Change {
    Change::Media { server: server.to_owned(), media_id: media_id.to_owned() }
}
