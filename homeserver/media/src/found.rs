//! Finding and deleting media by what is known of them, for administrators. It reads all rows of this server, or of all.

use hearth_storage::{
    Scan, StorageError,
    schema::{self, media::MediaRow},
};
use ruma::{OwnedServerName, OwnedUserId, ServerName};

use crate::{Media, MediaError};

/// Which media are meant: those for which all holds.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub uploader: Option<OwnedUserId>,
    /// Came before this time in milliseconds.
    pub before: Option<u64>,
    /// Is larger than so many bytes.
    pub larger_than: Option<u64>,
}

/// A piece of media with what is known of it.
#[derive(Clone, Debug)]
pub struct Found {
    pub server: String,
    pub media_id: String,
    pub row: MediaRow,
}

impl Wanted {
    fn is(&self, row: &MediaRow) -> bool {
        let size = row.file.as_ref().map_or(0, |file| file.size);
        self.uploader.as_ref().is_none_or(|user| row.uploader.as_ref() == Some(user))
            && self.before.is_none_or(|before| row.created_at < before)
            && self.larger_than.is_none_or(|bytes| size > bytes)
    }
}

impl Media {
    /// What is known of a piece of media.
    pub fn about(&self, server: &ServerName, media_id: &str) -> Result<Option<Found>, MediaError> {
        let row = self.inner.row(server, media_id)?;
        Ok(row.map(|row| Found { server: server.to_string(), media_id: media_id.to_owned(), row }))
    }

    /// Media that users of this server uploaded. It reads the rows of all of them.
    pub fn uploads(&self, wanted: &Wanted) -> Result<Vec<Found>, MediaError> {
        self.found(Scan::prefix((self.inner.server_name.as_str(),)), |row| {
            row.uploader.is_some() && row.file.is_some() && wanted.is(row)
        })
    }

    /// Copies of other servers' media, and what this server fetched for previews. It reads the rows of all media.
    pub fn copies(&self, wanted: &Wanted) -> Result<Vec<Found>, MediaError> {
        self.found(Scan::all(), |row| row.uploader.is_none() && wanted.is(row))
    }

    fn found(
        &self,
        scan: Scan<(String, String)>,
        wanted: impl Fn(&MediaRow) -> bool,
    ) -> Result<Vec<Found>, MediaError> {
        let mut found = Vec::new();
        for row in self.inner.store.view().scan(&schema::MEDIA, scan) {
            let ((server, media_id), row) = row?;
            if wanted(&row) {
                found.push(Found { server, media_id, row });
            }
        }
        Ok(found)
    }

    /// Deletes what was found, and gives the ids of what was there.
    pub async fn delete_found(&self, found: Vec<Found>) -> Result<Vec<String>, MediaError> {
        let mut deleted = Vec::new();
        for Found { server, media_id, .. } in found {
            let server: OwnedServerName =
                ServerName::parse(server).map_err(|error| StorageError::Corrupt(error.to_string()))?;
            if self.delete(&server, &media_id).await? {
                deleted.push(media_id);
            }
        }
        Ok(deleted)
    }
}
