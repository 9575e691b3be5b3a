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
    /// An event's place in the timeline of its room: the [`Position`] at which it arrived, times
    /// [`APART`](Self::APART); or for history that was fetched later, a place between those.
    TimelineOrder(i64)
);

impl TimelineOrder {
    /// What arrives at one position and at the next is so far apart: as many events that were missing before one
    /// have their places there.
    pub const APART: i64 = 1 << 20;
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    /// The place right before.
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The place right after.
    pub fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position at which what stands here arrived; of history that of the event before it, or 0.
    pub fn position(self) -> Position {
        Position(u64::try_from(self.0 / Self::APART).unwrap_or(0))
    }

    /// Whether what stands here was fetched later than what follows it.
    pub fn is_history(self) -> bool {
        self.0 < 0 || self.0 % Self::APART != 0
    }
}

impl From<Position> for TimelineOrder {
    /// The place of what arrives at a position.
    fn from(position: Position) -> Self {
        Self(i64::try_from(position.0).unwrap_or(i64::MAX).saturating_mul(Self::APART))
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
