//! How much a user has uploaded. Bytes that several uploads share count for each.

use hearth_storage::schema::{self, users::UsageRow};
use ruma::UserId;

use crate::{Inner, MediaError};

/// The name in `USAGE`.
pub(crate) const KIND: &str = "media";

impl Inner {
    /// How much a user has uploaded.
    pub(crate) fn usage(&self, user: &UserId) -> Result<UsageRow, MediaError> {
        Ok(self.store.view().get(&schema::USAGE, (user, KIND))?.unwrap_or_default())
    }

    /// The same with one upload more.
    ///
    /// # Errors
    ///
    /// [`MediaError::LimitExceeded`] when it is more than one may upload.
    pub(crate) fn usage_with(&self, user: &UserId, bytes: u64) -> Result<UsageRow, MediaError> {
        let UsageRow { count, bytes: held } = self.usage(user)?;
        match held.saturating_add(bytes) {
            held if held > self.limits.user_bytes => Err(MediaError::LimitExceeded),
            held => Ok(UsageRow { count: count + 1, bytes: held }),
        }
    }
}
