//! Where a search goes on: the `next_batch` of its answer.

use std::{fmt, str::FromStr};

use hearth_sync::{TimelineToken, TokenError};

/// A place in all timelines, and what was counted by the first request. Opaque to clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SearchToken {
    pub(super) place: TimelineToken,
    pub(super) count: usize,
}

impl fmt::Display for SearchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place, self.count)
    }
}

impl FromStr for SearchToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (place, count) = text.rsplit_once('.').ok_or(TokenError)?;
        Ok(Self { place: place.parse()?, count: count.parse().map_err(|_| TokenError)? })
    }
}
