//! Copies of media of other servers.

use std::fmt::Display;

use bytes::Bytes;
use futures::Stream;
use hearth_storage::schema::media::MediaRow;
use ruma::{ServerName, http_headers::ContentDisposition};

use crate::{Media, MediaError, UploadInfo};

impl Media {
    /// Whether the bytes of a piece of media are here.
    pub fn has(&self, server: &ServerName, media_id: &str) -> Result<bool, MediaError> {
        Ok(self.inner.row(server, media_id)?.is_some_and(|row| row.file.is_some()))
    }

    /// Keeps a copy of another server's media as it comes. `content_disposition` is the header that came with it,
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
        inner.commit_file(server, media_id, row, UploadInfo { content_type, file_name }, received).await
    }
}
