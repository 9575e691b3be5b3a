//! The numbers by which the database knows things.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::buffer::{Form, announce};

macro_rules! number {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize)]
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
    #[derive(Serialize)]
    RoomNid(u64)
);
number!(
    /// An event, interned: outliers and rejected events have one as well.
    #[derive(Serialize)]
    EventNid(u64)
);
number!(
    /// A pair of event type and state key, interned for all rooms.
    #[derive(Serialize)]
    StateKeyNid(u64)
);
number!(
    /// An event's place in the timeline of its room: the [`Position`] at which it arrived, times
    /// [`APART`](Self::APART); or for history that was fetched later, a place between those.
    TimelineOrder(i64)
);

/// More positions than one transaction takes.
const MOST_PROVISIONAL: u64 = 1 << 32;

impl Position {
    /// Before the first change, and of nothing.
    pub const NONE: Self = Self(0);
    pub const MAX: Self = Self(u64::MAX);

    /// Provisional positions begin here; real ones stay far below, and what stands for no position is far above.
    const PROVISIONAL: u64 = 1 << 63;

    /// The position right before; of the first change, [`NONE`](Self::NONE).
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The position right after.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The n-th position of a transaction that is not submitted yet, the first being 1; 0 stands for the last
    /// one before it. Comes after every real position.
    pub(crate) fn provisional(n: u64) -> Self {
        Self(Self::PROVISIONAL + n)
    }

    pub(crate) fn is_provisional(self) -> bool {
        (Self::PROVISIONAL..Self::PROVISIONAL + MOST_PROVISIONAL).contains(&self.0)
    }

    /// What a provisional position is once its transaction was submitted, `before` being the last one before it
    /// ([`Commit::before`](crate::Commit::before)). A real one stays what it is.
    pub fn settled(self, before: Self) -> Self {
        if self.is_provisional() { Self(self.0 - Self::PROVISIONAL + before.0) } else { self }
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_provisional() {
            announce(Form::RowPosition);
        }
        serializer.serialize_u64(self.0)
    }
}

impl TimelineOrder {
    /// What arrives at one position and at the next is so far apart: as many events that were missing before one
    /// have their places there.
    pub const APART: i64 = 1 << 20;
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    /// What provisional positions have their places in; real places stay far below.
    const PROVISIONAL: i64 = 1 << 62;

    pub(crate) fn is_provisional(self) -> bool {
        let most = Self::PROVISIONAL + MOST_PROVISIONAL as i64 * Self::APART;
        (Self::PROVISIONAL..most).contains(&self.0)
    }

    /// As [`Position::settled`].
    pub fn settled(self, before: Position) -> Self {
        if self.is_provisional() { Self(self.0 - Self::PROVISIONAL + Self::from(before).0) } else { self }
    }

    /// A number that sorts as the order does: the sign bit is turned, so that negative ones come first.
    pub(crate) fn to_sortable(self) -> u64 {
        self.0 as u64 ^ (1 << 63)
    }

    pub(crate) fn from_sortable(sortable: u64) -> Self {
        Self((sortable ^ (1 << 63)) as i64)
    }

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
        if self.is_provisional() {
            return Position::provisional(((self.0 - Self::PROVISIONAL) / Self::APART) as u64);
        }
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
        let (start, count) = match position.is_provisional() {
            true => (Self::PROVISIONAL, position.0 - Position::PROVISIONAL),
            false => (0, position.0),
        };
        let distance = i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(Self::APART);
        Self(distance.saturating_add(start))
    }
}

impl Serialize for TimelineOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_provisional() {
            announce(Form::RowOrder);
        }
        serializer.serialize_i64(self.0)
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
