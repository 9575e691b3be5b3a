//! Rows of the user directory.

use serde::{Deserialize, Serialize};

use crate::keyspace::row;

/// A user who may be found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PersonRow {
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
    /// The words of the name and the id, as a search compares them.
    pub words: Vec<String>,
}

row!(PersonRow);
