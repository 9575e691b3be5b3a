//! Deleting media that are older than they may be, once a day.

use hearth_storage::{
    blocking,
    schema::timers::{Timer, TimerKind},
    timers::{Fired, TimerError, Timers},
};

use crate::{Media, MediaError, Wanted};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Media {
    /// Lets what is too old be deleted from now on, if anything ever is. To be called once at the start.
    pub async fn begin_to_retain(&self) -> Result<(), MediaError> {
        let limits = &self.inner.limits;
        if limits.uploads_ms.is_none() && limits.copies_ms.is_none() {
            return Ok(());
        }
        let mut transaction = self.inner.store.begin()?;
        transaction.set_timer((self.inner.clock.now_ms() / DAY_MS + 1) * DAY_MS, &Timer::RetainMedia);
        transaction.submit().await?;
        Ok(())
    }

    /// Handles the timers of media.
    pub fn handle_timers(&self, timers: &mut Timers) {
        let media = self.clone();
        timers.handle(TimerKind::RetainMedia, move |_| {
            let media = media.clone();
            async move {
                media.begin_to_retain().await.map_err(TimerError::from)?;
                // It may take long, and other timers wait for this one.
                tokio::spawn(async move {
                    match media.delete_old().await {
                        Ok(deleted) => tracing::info!(deleted, "media that were too old were deleted"),
                        Err(error) => tracing::error!(%error, "media that are too old could not be deleted"),
                    }
                });
                Ok(Fired::Done)
            }
        });
    }

    /// Deletes what is too old, and gives how many pieces of media that were.
    async fn delete_old(&self) -> Result<usize, MediaError> {
        let now = self.inner.clock.now_ms();
        let wanted =
            |lifetime: u64| Wanted { before: Some(now.saturating_sub(lifetime)), ..Wanted::default() };
        let mut deleted = 0;
        if let Some(lifetime) = self.inner.limits.uploads_ms {
            let old = blocking(|| self.uploads(&wanted(lifetime)))?;
            deleted += self.delete_found(old).await?.len();
        }
        if let Some(lifetime) = self.inner.limits.copies_ms {
            let old = blocking(|| self.copies(&wanted(lifetime)))?;
            deleted += self.delete_found(old).await?.len();
        }
        Ok(deleted)
    }
}
