//! What becomes of `?org.matrix.msc4354.sticky_duration_ms=` where events are sent.

use hearth_spec::MAX_STICKY_MS;
use serde::Deserialize;

use crate::{MatrixError, Result};

/// For how long an event is to be sticky, as part of a query.
#[derive(Deserialize)]
pub(crate) struct Sticky {
    /// Milliseconds.
    #[serde(rename = "org.matrix.msc4354.sticky_duration_ms")]
    duration: Option<u32>,
}

impl Sticky {
    /// Milliseconds.
    ///
    /// # Errors
    /// For more than an hour.
    pub(crate) fn duration(self) -> Result<Option<u32>> {
        match self.duration {
            Some(duration) if duration > MAX_STICKY_MS => {
                Err(MatrixError::invalid_param("An event is sticky for an hour at most."))
            }
            duration => Ok(duration),
        }
    }
}
