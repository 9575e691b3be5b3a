//! How sync fails.

use hearth_push::PushError;
use hearth_rooms::RoomError;
use hearth_storage::StorageError;
use hearth_users::UsersError;

/// Why a sync could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Room(#[from] RoomError),
    #[error(transparent)]
    Users(#[from] UsersError),
    /// The filter is not one.
    #[error("the filter cannot be read: {0}")]
    InvalidFilter(String),
    /// The user has no filter of that id.
    #[error("there is no such filter")]
    UnknownFilter,
    /// The request of a sliding sync asks for something that it may not.
    #[error("{0}")]
    InvalidRequest(String),
    /// Nothing is known of what a client was told that comes with this `pos`.
    #[error("this position is not known: begin anew")]
    UnknownPosition,
    /// What may be kept of those who sync is used up by others.
    #[error("too many users sync at once")]
    Full,
    /// What was written last cannot be told yet, and it is not known when.
    #[error("the log cannot be followed at the moment")]
    Behind,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<PushError> for SyncError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Storage(error) => error.into(),
            PushError::Room(error) => error.into(),
            PushError::Users(error) => error.into(),
        }
    }
}
