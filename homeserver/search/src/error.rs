//! What goes wrong in a search.

use std::{io, path::PathBuf};

use hearth_rooms::RoomError;
use hearth_storage::StorageError;
use hearth_users::UsersError;

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("the folder of the index, {}, cannot be made: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("the index: {0}")]
    Index(#[from] tantivy::TantivyError),
    #[error(transparent)]
    Rooms(#[from] RoomError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl SearchError {
    /// Whether what failed may succeed later; damage does not.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Storage(error)
            | Self::Rooms(RoomError::Storage(error))
            | Self::Users(UsersError::Storage(error)) => !matches!(error, StorageError::Corrupt(_)),
            Self::Rooms(_) | Self::Users(_) => false,
            Self::Folder { .. } | Self::Index(_) => true,
        }
    }
}
