//! Rows of application services.

use ruma::{OwnedDeviceId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{Position, keyspace::row};

/// How far an application service has been told.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AppserviceRow {
    /// All that concerns it up to here is in transactions that were made.
    pub through: Position,
    /// The last of them, until it is acknowledged.
    pub pending: Option<PendingTransactionRow>,
}

/// A transaction as it is sent, however often: an id never stands for anything else.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PendingTransactionRow {
    pub id: String,
    /// JSON.
    pub body: String,
    /// What goes out of the queues of devices when it is acknowledged: all messages up to a position.
    pub to_device: Vec<(OwnedUserId, OwnedDeviceId, Position)>,
}

row!(AppserviceRow, PendingTransactionRow);
