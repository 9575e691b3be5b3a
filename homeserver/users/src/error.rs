//! How a request about users fails.

use hearth_storage::StorageError;

/// A failure, with what the specification answers to it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UsersError {
    /// 500 or 503.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// 400 `M_USER_IN_USE`.
    #[error("this user ID is taken")]
    UserInUse,
    /// 404 `M_NOT_FOUND`.
    #[error("{0}")]
    NotFound(&'static str),
    /// 403 `M_FORBIDDEN`.
    #[error("{0}")]
    Forbidden(&'static str),
    /// 400 `M_INVALID_PARAM`.
    #[error("{0}")]
    InvalidParam(String),
    /// 400 `M_MISSING_PARAM`.
    #[error("{0}")]
    MissingParam(&'static str),
    /// 400 `M_BAD_JSON`.
    #[error("{0}")]
    BadJson(String),
    /// 400 `M_INVALID_SIGNATURE`.
    #[error("{0}")]
    InvalidSignature(String),
    /// 401 `M_UNKNOWN_TOKEN`.
    #[error("the token is unknown or has expired")]
    UnknownToken {
        /// Whether the device is still there, so that the client keeps its keys and logs in again.
        soft_logout: bool,
    },
    /// 403 `M_WRONG_ROOM_KEYS_VERSION`.
    #[error("this is not the current version of the backup")]
    WrongBackupVersion {
        /// The current version.
        current: String,
    },
    /// 400 `M_PROFILE_TOO_LARGE`.
    #[error("the profile would be larger than 64 KiB")]
    ProfileTooLarge,
    /// 400 `M_KEY_TOO_LARGE`.
    #[error("the name of a profile field is longer than 255 bytes")]
    ProfileKeyTooLarge,
    /// 409 `M_CONFLICTING_UNSUBSCRIPTION` (MSC4306).
    #[error("the user gave up this thread after that event")]
    ConflictingUnsubscription,
    /// 413 `M_TOO_LARGE`.
    #[error("{0}")]
    TooLarge(&'static str),
    /// 403 `M_USER_LIMIT_EXCEEDED`.
    #[error("{0}")]
    LimitExceeded(&'static str),
    /// 500.
    #[error("{0}")]
    Internal(String),
}

impl UsersError {
    /// For JSON of a client that does not have the shape it must have.
    pub(crate) fn bad_json(error: serde_json::Error) -> Self {
        Self::BadJson(error.to_string())
    }

    /// For JSON of our own that cannot be read back.
    pub(crate) fn corrupt(error: serde_json::Error) -> Self {
        Self::Storage(StorageError::Corrupt(error.to_string()))
    }
}
