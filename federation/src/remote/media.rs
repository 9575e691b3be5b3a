//! Media of other servers.

use std::time::Duration;

use ruma::{ServerName, api::federation::authenticated_media::get_content::v1::Request as GetContent};

use super::lookup_for;
use crate::{AskedBy, Federation, FederationError, Limits, Purpose};

/// How long a large file may take.
const TIME: Duration = Duration::from_secs(10 * 60);

impl Federation {
    /// Brings media of another server here, if it is not: from then on the media store has it, and makes its
    /// thumbnails. The other server waits up to `timeout` for an upload that is awaited.
    ///
    /// # Errors
    /// The other server's refusal; [`FederationError::Media`] if it is larger than what may be uploaded here.
    pub async fn fetch_media(
        &self,
        asked_by: AskedBy,
        server: &ServerName,
        media_id: &str,
        timeout: Duration,
    ) -> Result<(), FederationError> {
        if self.is_own(server) || self.media().has(server, media_id)? {
            return Ok(());
        }
        let _turn = self.under_way().media.acquire((server.to_owned(), media_id.to_owned())).await?;
        if self.media().has(server, media_id)? {
            return Ok(());
        }
        let mut request = GetContent::new(media_id.to_owned());
        request.timeout_ms = timeout;
        let body_bytes = usize::try_from(self.media().limits().upload_bytes).unwrap_or(usize::MAX);
        let limits = Limits { purpose: Purpose::Media, timeout: TIME, body_bytes, ..lookup_for(&asked_by) };
        let _permit = self.under_way().media_askers.acquire(asked_by).await?;
        let mut media = self.client().get_media(server, request, limits).await?;
        let content_type = media.content_type.take();
        let disposition = media.content_disposition.take();
        let body = media.into_stream();
        Ok(self.media().store_copy(server, media_id, content_type, disposition.as_deref(), body).await?)
    }
}
