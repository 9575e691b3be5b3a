//! How push fails.

use hearth_rooms::RoomError;
use hearth_storage::StorageError;
use hearth_users::UsersError;

/// Why events could not be judged or counted.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Room(#[from] RoomError),
    #[error(transparent)]
    Users(#[from] UsersError),
}

impl PushError {
    /// Whether it may be gone when the same is tried again: nothing is wrong with what was read.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Storage(error)
            | Self::Room(RoomError::Storage(error))
            | Self::Users(UsersError::Storage(error)) => !matches!(error, StorageError::Corrupt(_)),
            _ => false,
        }
    }
}
