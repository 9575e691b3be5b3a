//! The numbers by which the database knows things.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A place in the commit log. Every [`Change`](crate::Change) has one of its own; the first is 1.
    Position(u64)
);
number!(
    /// A room, interned.
    RoomNid(u64)
);
number!(
    /// An event, interned: outliers and rejected events have one as well.
    EventNid(u64)
);
number!(
    /// A pair of event type and state key, interned for all rooms.
    StateKeyNid(u64)
);
number!(
    /// An event's place in the timeline of its room: the [`Position`] at which it arrived, or a negative
    /// number, falling, for what was fetched from before the room's first event here.
    TimelineOrder(i64)
);

impl From<Position> for TimelineOrder {
    fn from(position: Position) -> Self {
        Self(position.0 as i64)
    }
}

/// A set of state: the root of a persistent tree, named by its content, so that two equal sets have one id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateId(pub [u8; 16]);

impl StateId {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self([0; 16]);
}

impl fmt::Debug for StateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
