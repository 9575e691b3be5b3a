//! Application services: bridges and bots that act for many users (application service API).
//!
//! - [`Service`] is one of them, as its registration file describes it; [`AppServices`] are all that there are, and
//!   what can be asked of them. What they ask of this server is the client API's business.
//! - `pushing.rs` tells them what happens: a reader of the log for each, which never waits for another one.
//! - `wire.rs` is the one place that speaks HTTP.

mod appservices;
mod asking;
mod directory;
mod namespace;
mod pinging;
mod pushing;
mod registration;
mod wire;

use hearth_rooms::RoomError;
use hearth_storage::StorageError;
use hearth_users::UsersError;

pub use self::{
    appservices::{AppServices, Parts},
    asking::Networks,
    namespace::Namespace,
    pushing::{Pushing, cursor},
    registration::{RegistrationError, Service},
    wire::{AskError, encoded},
};

/// Why a service is not told of something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Rooms(#[from] RoomError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error("a transaction cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
    #[error("a delivery ended badly: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

impl PushError {
    /// Whether it is the same however often it is tried: what cannot be read holds nothing else up.
    pub(crate) fn is_lasting(&self) -> bool {
        let storage = match self {
            Self::Storage(error)
            | Self::Rooms(RoomError::Storage(error))
            | Self::Users(UsersError::Storage(error)) => error,
            _ => return true,
        };
        matches!(storage, StorageError::Corrupt(_))
    }
}
