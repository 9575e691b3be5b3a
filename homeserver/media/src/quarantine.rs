//! Media that nobody gets. It is the bytes that are quarantined, by their hash: they do not come again under another
//! name, nor from another server. They stay on the disk, for who has to look into it.

use hearth_storage::{
    Scan,
    schema::{
        self,
        media::{MediaFileRow, QuarantineChangeRow, QuarantineRow},
    },
};
use ruma::{ServerName, UserId};

use crate::{Found, Inner, Media, MediaError};

/// How many changes are remembered; beyond that the oldest are forgotten.
const MAX_CHANGES: u64 = 100_000;
/// A change: its number, and what came into quarantine or out of it.
pub type Quarantined = (u64, QuarantineChangeRow);

impl Media {
    /// Puts the bytes of a piece of media into quarantine, or takes them out. Says whether there are such media.
    pub async fn set_quarantined(
        &self,
        server: &ServerName,
        media_id: &str,
        by: &UserId,
        quarantined: bool,
    ) -> Result<bool, MediaError> {
        let Some(file) = self.inner.row(server, media_id)?.and_then(|row| row.file) else { return Ok(false) };
        self.inner.quarantine(&file, server.as_str(), media_id, by, quarantined).await?;
        Ok(true)
    }

    /// Puts what was found into quarantine, but for what is protected; gives how many pieces of media those were.
    pub async fn quarantine_found(&self, found: Vec<Found>, by: &UserId) -> Result<u64, MediaError> {
        let mut count = 0;
        for Found { server, media_id, row } in found {
            let Some(file) = row.file else { continue };
            let is_own = server == self.inner.server_name.as_str();
            if (is_own && self.is_protected(&media_id)?) || self.is_quarantined(&file)?.is_some() {
                continue;
            }
            self.inner.quarantine(&file, &server, &media_id, by, true).await?;
            count += 1;
        }
        Ok(count)
    }

    /// Who put the bytes into quarantine, if anybody did.
    pub fn is_quarantined(&self, file: &MediaFileRow) -> Result<Option<QuarantineRow>, MediaError> {
        Ok(self.inner.store.view().get(&schema::QUARANTINE, (file.sha256,))?)
    }

    /// What came into quarantine and out of it, the oldest first, from behind `after`.
    pub fn quarantine_changes(&self, after: u64, limit: usize) -> Result<Vec<Quarantined>, MediaError> {
        let view = self.inner.store.view();
        let rows = view.scan(&schema::QUARANTINE_CHANGES, Scan::all().after((after,))).take(limit);
        Ok(rows.map(|row| row.map(|((number,), row)| (number, row))).collect::<Result<_, _>>()?)
    }

    /// Whether media of this server stay out of quarantine when all of a user or a room are put there.
    pub fn is_protected(&self, media_id: &str) -> Result<bool, MediaError> {
        Ok(self.inner.store.view().contains(&schema::PROTECTED_MEDIA, (media_id,))?)
    }

    /// Protects media of this server, or no longer.
    pub async fn set_protected(&self, media_id: &str, protected: bool) -> Result<(), MediaError> {
        let inner = &self.inner;
        if inner.row(&inner.server_name, media_id)?.is_none() {
            return Err(MediaError::NotFound);
        }
        let mut transaction = inner.store.begin()?;
        match protected {
            true => transaction.put(&schema::PROTECTED_MEDIA, (media_id,), &()),
            false => transaction.delete(&schema::PROTECTED_MEDIA, (media_id,)),
        }
        transaction.submit().await?;
        Ok(())
    }
}

impl Inner {
    async fn quarantine(
        &self,
        file: &MediaFileRow,
        server: &str,
        media_id: &str,
        by: &UserId,
        quarantined: bool,
    ) -> Result<(), MediaError> {
        let commit = {
            let _one_at_a_time = self.quarantining.lock().await;
            let mut transaction = self.store.begin()?;
            match quarantined {
                true => {
                    let row = QuarantineRow { by: by.to_owned(), at: self.clock.now_ms() };
                    transaction.put(&schema::QUARANTINE, (file.sha256,), &row);
                }
                false => transaction.delete(&schema::QUARANTINE, (file.sha256,)),
            }
            let last = transaction.scan(&schema::QUARANTINE_CHANGES, Scan::all().reversed()).next();
            let number = last.transpose()?.map_or(1, |((number,), _)| number + 1);
            let change =
                QuarantineChangeRow { server: server.to_owned(), media_id: media_id.to_owned(), quarantined };
            transaction.put(&schema::QUARANTINE_CHANGES, (number,), &change);
            transaction.delete(&schema::QUARANTINE_CHANGES, (number.saturating_sub(MAX_CHANGES),));
            transaction.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Refuses bytes that nobody gets.
    pub(crate) fn not_quarantined(&self, file: &MediaFileRow) -> Result<(), MediaError> {
        match self.store.view().contains(&schema::QUARANTINE, (file.sha256,))? {
            true => Err(MediaError::NotFound),
            false => Ok(()),
        }
    }
}
