//! Downloads.

use std::{sync::atomic::Ordering, time::Duration};

use hearth_storage::{
    Scan,
    schema::{self, media::MediaFileRow, users::UsageRow},
};
use ruma::ServerName;
use tokio::{fs::File, time::timeout_at};

use crate::{Inner, Media, MediaError, changed, disposition, usage};

/// The content type of an upload that came without one.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The longest wait for an upload.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Bytes to be sent.
#[derive(Debug)]
pub struct Download {
    pub file: File,
    /// Bytes.
    pub size: u64,
    pub content_type: String,
    /// What the uploader called it.
    pub file_name: Option<String>,
}

impl Download {
    /// The `Content-Disposition` header, with another file name if one is given. Only types that no browser
    /// runs are shown inline.
    pub fn content_disposition(&self, file_name: Option<&str>) -> String {
        disposition::header(&self.content_type, file_name.or(self.file_name.as_deref()))
    }
}

impl Media {
    /// Opens a piece of media, after a wait of up to `timeout` for an upload that is awaited.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotFound`], [`MediaError::NotYetUploaded`].
    pub async fn download(
        &self,
        server: &ServerName,
        media_id: &str,
        timeout: Duration,
    ) -> Result<Download, MediaError> {
        let row = self.inner.uploaded_file(server, media_id, timeout).await?;
        self.inner.open(row).await
    }

    /// Deletes a piece of media; its bytes go when no other has the same. Says whether it was there.
    pub async fn delete(&self, server: &ServerName, media_id: &str) -> Result<bool, MediaError> {
        let inner = &self.inner;
        let Some(row) = inner.row(server, media_id)? else { return Ok(false) };
        let _one_at_a_time = match &row.uploader {
            Some(user) => Some(inner.user_lock(user).lock().await),
            None => None,
        };
        // It may have come, or gone, meanwhile.
        let Some(row) = inner.row(server, media_id)? else { return Ok(false) };
        let server = server.as_str();
        let Some(file) = row.file else {
            let commit = {
                let mut transaction = inner.store.begin()?;
                transaction.delete(&schema::MEDIA, (server, media_id));
                if let Some(user) = row.uploader {
                    transaction.delete(&schema::MEDIA_PENDING, (&user, media_id));
                }
                transaction.append(&changed(server, media_id));
                transaction.submit()
            };
            commit.await?;
            return Ok(true);
        };
        let usage = match &row.uploader {
            Some(user) => {
                let UsageRow { count, bytes } = inner.usage(user)?;
                let less =
                    UsageRow { count: count.saturating_sub(1), bytes: bytes.saturating_sub(file.size) };
                Some((user, less))
            }
            None => None,
        };
        let _kept = inner.hash_lock(&file.sha256).lock().await;
        let commit = {
            let mut transaction = inner.store.begin()?;
            transaction.delete(&schema::MEDIA, (server, media_id));
            transaction.delete(&schema::MEDIA_FILES, (file.sha256, server, media_id));
            if server == inner.server_name.as_str() {
                transaction.delete(&schema::PROTECTED_MEDIA, (media_id,));
            }
            match &usage {
                Some((user, usage)) => transaction.put(&schema::USAGE, (user, usage::KIND), usage),
                None => transaction.delete(&schema::MEDIA_COPIES, (row.created_at, server, media_id)),
            }
            transaction.append(&changed(server, media_id));
            transaction.submit()
        };
        commit.await?;
        if row.uploader.is_none() {
            inner.copies.fetch_sub(file.size, Ordering::Relaxed);
        }
        let view = inner.store.view();
        if view.scan(&schema::MEDIA_FILES, Scan::prefix((file.sha256,))).next().transpose()?.is_none() {
            inner.files.delete(&file.sha256)?;
        }
        Ok(true)
    }
}

impl Inner {
    /// What is known of the bytes, once they are here.
    pub(crate) async fn uploaded_file(
        &self,
        server: &ServerName,
        media_id: &str,
        timeout: Duration,
    ) -> Result<MediaFileRow, MediaError> {
        let deadline = tokio::time::Instant::now() + timeout.min(MAX_WAIT);
        // From before the first look, so that no upload falls between a look and a wait.
        let mut uploaded = self.uploaded.subscribe();
        loop {
            let row = self.row(server, media_id)?.ok_or(MediaError::NotFound)?;
            if let Some(file) = row.file {
                self.not_quarantined(&file)?;
                return Ok(file);
            }
            if row.upload_until.is_none_or(|until| until <= self.clock.now_ms()) {
                return Err(MediaError::NotFound);
            }
            match timeout_at(deadline, uploaded.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(MediaError::NotYetUploaded),
            }
        }
    }

    pub(crate) async fn open(&self, row: MediaFileRow) -> Result<Download, MediaError> {
        let file = File::open(self.files.path(&row.sha256)).await?;
        let content_type = row.content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
        Ok(Download { file, size: row.size, content_type, file_name: row.file_name })
    }
}
