//! How long what is sent stays ([MSC1763](https://github.com/matrix-org/matrix-spec-proposals/pull/1763)).

use serde::Deserialize;

use crate::{RoomError, read::room::Room};

/// How long what is sent to rooms stays before it is purged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retention {
    /// In rooms that say nothing, in milliseconds; `None` for ever.
    pub usual_ms: Option<u64>,
    /// Whether a room may say how long (`m.room.retention`).
    pub by_room: bool,
}

/// Nothing goes sooner, whatever a room says: who was away for a night finds what was said.
const SHORTEST_MS: u64 = 24 * 60 * 60 * 1000;

impl Retention {
    pub(crate) fn is_on(&self) -> bool {
        self.usual_ms.is_some() || self.by_room
    }
}

impl Room {
    /// How long what is sent here stays, in milliseconds; `None` for ever.
    pub(crate) fn retained_ms(&self) -> Result<Option<u64>, RoomError> {
        #[derive(Deserialize)]
        struct Content {
            max_lifetime: Option<u64>,
        }
        let retention = &self.shared().retention;
        let own = match retention.by_room {
            true => self.state_content::<Content>("m.room.retention", "")?,
            false => None,
        };
        let lifetime = own.and_then(|own| own.max_lifetime).or(retention.usual_ms);
        Ok(lifetime.map(|lifetime| lifetime.max(SHORTEST_MS)))
    }
}
