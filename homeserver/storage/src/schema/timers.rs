//! What happens at a time that was written down.

use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};

use crate::{AsPart, Buffer, KeyPart, RoomNid, StorageError, Value, keyspace::row};

/// What is due. It names what it belongs to; whether that is still so is for its handler to see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Timer {
    /// The transaction ids of messages that were sent up to this day, counted from the Unix epoch, are forgotten.
    ForgetTransactions { day: u64 },
    /// A delayed event of this user is sent.
    SendDelayedEvent { user: OwnedUserId, delay_id: String },
    /// What a user sent to a room is redacted, because of how they were turned out.
    RedactTurnedOut { room: RoomNid, user: OwnedUserId },
    /// What was redacted up to this day, counted from the Unix epoch, is not kept any longer.
    ForgetRedacted { day: u64 },
    /// A part of what an administrator asked for is done; once all is done, it is forgotten.
    Work { id: String },
    /// What is older than it may be is purged from the rooms after this one.
    Retain { after: RoomNid },
    /// Media that are older than they may be are deleted.
    RetainMedia,
    /// What administrators did up to this day, counted from the Unix epoch, is forgotten.
    ForgetAudit { day: u64 },
    /// What became sticky in this hour, counted from the Unix epoch, and is no more is noted no longer.
    ForgetSticky { hour: u64 },
}

/// The kind of a timer: each has one handler.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimerKind {
    ForgetTransactions,
    SendDelayedEvent,
    RedactTurnedOut,
    ForgetRedacted,
    Work,
    Retain,
    RetainMedia,
    ForgetAudit,
    ForgetSticky,
}

impl Timer {
    pub fn kind(&self) -> TimerKind {
        match self {
            Self::ForgetTransactions { .. } => TimerKind::ForgetTransactions,
            Self::SendDelayedEvent { .. } => TimerKind::SendDelayedEvent,
            Self::RedactTurnedOut { .. } => TimerKind::RedactTurnedOut,
            Self::ForgetRedacted { .. } => TimerKind::ForgetRedacted,
            Self::Work { .. } => TimerKind::Work,
            Self::Retain { .. } => TimerKind::Retain,
            Self::RetainMedia => TimerKind::RetainMedia,
            Self::ForgetAudit { .. } => TimerKind::ForgetAudit,
            Self::ForgetSticky { .. } => TimerKind::ForgetSticky,
        }
    }
}

row!(Timer);

// The last part of a key; its bytes have no order that means something.
impl KeyPart for Timer {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        let (timer, rest) = postcard::take_from_bytes(bytes)
            .map_err(|error| StorageError::corrupt(format!("a timer cannot be read: {error}")))?;
        *bytes = rest;
        Ok(timer)
    }
}

impl AsPart<Timer> for Timer {
    fn write(&self, out: &mut Buffer) {
        self.encode(out);
    }
}
