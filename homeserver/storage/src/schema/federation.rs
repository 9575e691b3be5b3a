//! Rows of what passes between servers.

use serde::{Deserialize, Serialize};

use crate::keyspace::row;

/// How it stands with a server that this one sends to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct DestinationRow {
    /// How often in a row it could not be reached.
    pub failures: u32,
    /// When it may be tried again, in milliseconds.
    pub retry_at: u64,
}

row!(DestinationRow);
