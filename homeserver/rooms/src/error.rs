//! How the room engine fails.

use hearth_spec::{AuthError, PduError};
use hearth_storage::StorageError;

use crate::write::delayed::{DAY_MS, MAX_DELAY_MS};

/// Why something could not be read from or done to a room.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    #[error("this server does not know that room")]
    UnknownRoom,
    #[error("this server does not know that event")]
    UnknownEvent,
    /// The room's rules say no; the text says which.
    #[error("{0}")]
    Forbidden(String),
    /// What was asked for does not make a valid event.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("this server does not support room version {0}")]
    UnsupportedVersion(String),
    #[error("the alias is in use already")]
    AliasTaken,
    #[error("that alias is not known")]
    UnknownAlias,
    /// A restricted join that nobody here may authorise.
    #[error("no user of this server may authorise the join: {0}")]
    UnableToAuthoriseJoin(String),
    /// The room's rules would let it in, but it makes no sense.
    #[error("{0}")]
    Refused(&'static str),
    /// An annotation that the sender has made already.
    #[error("the same annotation was already sent")]
    DuplicateAnnotation,
    #[error("no delayed event of that id waits")]
    UnknownDelayedEvent,
    #[error("an event can be delayed by {} days at most", MAX_DELAY_MS / DAY_MS)]
    DelayTooLong,
    #[error("too many delayed events wait: wait for some of them, or cancel them")]
    TooManyDelayedEvents,
    #[error("the policy server of the room does not answer")]
    NoPolicyServer,
    /// Too many wait to write to this room.
    #[error("too much waits to be sent to this room: try again in a moment")]
    Busy,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<AuthError> for RoomError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Malformed(reason) => Self::Invalid(reason),
            error => Self::Forbidden(error.to_string()),
        }
    }
}

impl From<PduError> for RoomError {
    fn from(error: PduError) -> Self {
        if error.is_too_large() {
            Self::TooLarge(error.to_string())
        } else {
            Self::Invalid(error.to_string())
        }
    }
}
