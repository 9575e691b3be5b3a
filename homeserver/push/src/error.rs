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
