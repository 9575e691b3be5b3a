//! Copies of media of other servers.

use std::{fmt::Display, sync::atomic::Ordering};

use bytes::Bytes;
use futures::Stream;
use hearth_storage::{
    Scan, StorageError, Store,
    schema::{self, media::MediaRow},
};
use ruma::{OwnedMxcUri, ServerName, http_headers::ContentDisposition};

use crate::{Media, MediaError, UploadInfo};

impl Media {
    /// Whether the bytes of a piece of media are here.
    pub fn has(&self, server: &ServerName, media_id: &str) -> Result<bool, MediaError> {
        Ok(self.inner.row(server, media_id)?.is_some_and(|row| row.file.is_some()))
    }

    /// Keeps a copy of another server's media as it comes, for which older ones may have to go. `content_disposition` is the header that came with it,
    /// for its file name.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooLarge`] beyond what may be uploaded here, [`MediaError::Interrupted`].
    pub async fn store_copy<S, E>(
        &self,
        server: &ServerName,
        media_id: &str,
        content_type: Option<String>,
        content_disposition: Option<&str>,
        body: S,
    ) -> Result<(), MediaError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let inner = &self.inner;
        if server == inner.server_name {
            // Nobody tells us what ours is.
            return Err(MediaError::Forbidden);
        }
        let received = inner.files.receive(&*inner.random, inner.limits.upload_bytes, body).await?;
        let now = inner.clock.now_ms();
        let row = MediaRow { uploader: None, created_at: now, file: None, upload_until: None };
        let disposition = content_disposition.and_then(|header| header.parse::<ContentDisposition>().ok());
        let file_name = disposition.and_then(|disposition| disposition.filename);
        inner.commit_file(server, media_id, row, UploadInfo { content_type, file_name }, received).await?;
        self.make_room().await
    }

    /// Keeps what this server itself fetched for its users, and gives it a URI. It is one of the copies, which go when they
    /// take too much; who asks for it then finds nothing.
    ///
    /// # Errors
    ///
    /// As [`store_copy`](Self::store_copy).
    pub async fn keep<S, E>(&self, about: UploadInfo, body: S) -> Result<OwnedMxcUri, MediaError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let inner = &self.inner;
        let received = inner.files.receive(&*inner.random, inner.limits.upload_bytes, body).await?;
        let media_id = inner.new_media_id();
        let now = inner.clock.now_ms();
        let row = MediaRow { uploader: None, created_at: now, file: None, upload_until: None };
        inner.commit_file(&inner.server_name, &media_id, row, about, received).await?;
        self.make_room().await?;
        Ok(inner.uri(&media_id))
    }

    /// Deletes the oldest copies while all together take too much.
    async fn make_room(&self) -> Result<(), MediaError> {
        let inner = &self.inner;
        while inner.copies.load(Ordering::Relaxed) > inner.limits.copies_bytes {
            let oldest = inner.store.view().scan(&schema::MEDIA_COPIES, Scan::all()).next().transpose()?;
            let Some(((created_at, server, media_id), size)) = oldest else { break };
            let name =
                ServerName::parse(&*server).map_err(|error| StorageError::Corrupt(error.to_string()))?;
            let row = inner.row(&name, &media_id)?;
            if row.is_some_and(|row| row.created_at == created_at) {
                self.delete(&name, &media_id).await?;
                continue;
            }
            // It was copied again since.
            let commit = {
                let mut transaction = inner.store.begin()?;
                transaction.delete(&schema::MEDIA_COPIES, (created_at, server, media_id));
                transaction.submit()
            };
            commit.await?;
            inner.copies.fetch_sub(size, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// What all copies take, in bytes.
pub(crate) fn size(store: &Store) -> Result<u64, MediaError> {
    let mut size = 0;
    for entry in store.view().scan(&schema::MEDIA_COPIES, Scan::all()) {
        size += entry?.1;
    }
    Ok(size)
}
