//! Where a search goes on: the `next_batch` of its answer and of its groups.

use std::{fmt, str::FromStr};

use hearth_search::{Place, Statistics};
use hearth_storage::RoomNid;
use hearth_sync::TokenError;
use ruma::{
    OwnedUserId,
    serde::{Base64, base64::UrlSafe},
};
use serde::{Deserialize, Serialize};

/// The last place that was told, and what makes that the pages of a search go together. Opaque to clients; one that was
/// tampered with finds nothing that its user may not see.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct SearchToken {
    pub(super) place: Place,
    /// How many there are, as the first page said.
    pub(super) count: usize,
    pub(super) statistics: Statistics,
    pub(super) group: Option<Group>,
}

/// What alone is wanted, where one of the groups goes on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum Group {
    Room(RoomNid),
    Sender(OwnedUserId),
}

impl fmt::Display for SearchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        f.write_str(&Base64::<UrlSafe, _>::new(json).encode())
    }
}

impl FromStr for SearchToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let json = Base64::<UrlSafe>::parse(text).map_err(|_| TokenError)?;
        serde_json::from_slice(json.as_bytes()).map_err(|_| TokenError)
    }
}
