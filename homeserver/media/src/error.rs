//! How a request about media fails.

use std::io;

use hearth_storage::StorageError;

/// A failure, with what the specification answers to it.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// 500 or 503.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// 500.
    #[error("a media file failed: {0}")]
    File(#[from] io::Error),
    /// 404 `M_NOT_FOUND`.
    #[error("there is no such media")]
    NotFound,
    /// 504 `M_NOT_YET_UPLOADED`.
    #[error("this media has not been uploaded yet")]
    NotYetUploaded,
    /// 413 `M_TOO_LARGE`.
    #[error("this upload is too large")]
    TooLarge,
    /// 403 `M_USER_LIMIT_EXCEEDED`.
    #[error("you have uploaded as much as one user may")]
    LimitExceeded,
    /// 429 `M_LIMIT_EXCEEDED`.
    #[error("too many of your uploads are awaited")]
    TooManyPending,
    /// 403 `M_FORBIDDEN`.
    #[error("this upload is another user's")]
    Forbidden,
    /// 409 `M_CANNOT_OVERWRITE_MEDIA`.
    #[error("this media was uploaded already")]
    AlreadyUploaded,
    /// 400 `M_UNKNOWN`.
    #[error("no thumbnail can be made of this media")]
    NotAnImage,
    /// 413 `M_TOO_LARGE`.
    #[error("this image is too large to make a thumbnail of")]
    ImageTooLarge,
    /// 400: the client went away, or sent less than it should have.
    #[error("the upload was interrupted: {0}")]
    Interrupted(String),
    /// 500.
    #[error("{0}")]
    Internal(String),
}
