//! What is being done with other servers at this moment, so that it is done once and within bounds.

use hearth_rooms::RoomError;
use hearth_storage::RoomNid;
use ruma::{OwnedRoomId, OwnedServerName, OwnedUserId};

use crate::{
    FederationError,
    intake::Transactions,
    turns::{Crowded, Turns},
    weight::Scales,
};

/// What is being done.
pub(crate) struct UnderWay {
    /// What other servers send, from its first byte until it is answered. Nobody has signed it before it is read.
    pub requests: Scales,
    pub transactions: Transactions,
    /// What a server sends into a room: in the order in which it came.
    pub intake: Turns<(OwnedRoomId, OwnedServerName)>,
    /// Filling gaps of a room's history: whoever comes next may find nothing left to do.
    pub gaps: Turns<RoomNid>,
    /// Joining a room that is elsewhere.
    pub joins: Turns<OwnedRoomId>,
    /// Knocking on such a room, or leaving it.
    pub memberships: Turns<(OwnedRoomId, OwnedUserId)>,
    /// Fetching a room's history from before.
    pub backfills: Turns<RoomNid>,
    /// Fetching media: (server, media id).
    pub media: Turns<(OwnedServerName, String)>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self {
            requests: Scales::new(128 << 20),
            transactions: Transactions::default(),
            intake: Turns::new(8),
            gaps: Turns::new(64),
            joins: Turns::new(64),
            memberships: Turns::new(4),
            backfills: Turns::new(32),
            media: Turns::new(256),
        }
    }
}

impl From<Crowded> for FederationError {
    fn from(_: Crowded) -> Self {
        Self::Room(RoomError::Busy)
    }
}
