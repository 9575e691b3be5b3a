//! What is being done with other servers at this moment, so that it is done once and within bounds.

use hearth_http::{byte_budget::ByteBudget, keyed::Crowded};
use hearth_rooms::RoomError;
use hearth_storage::RoomNid;
use ruma::{OwnedRoomId, OwnedServerName, OwnedUserId};

use crate::{AskedBy, FederationError, intake::Transactions, keyed_semaphore::KeyedSemaphore};

/// What is being done.
pub(crate) struct UnderWay {
    /// What comes from each address, from its first byte until it is answered.
    pub requests: ByteBudget<AskedBy>,
    /// What each is answered, until it has taken it.
    pub answers: ByteBudget<AskedBy>,
    pub transactions: Transactions,
    /// What a server sends into a room: in the order in which it came.
    pub intake: KeyedSemaphore<(OwnedRoomId, OwnedServerName)>,
    /// Filling gaps of a room's history: whoever comes next may find nothing left to do.
    pub gaps: KeyedSemaphore<RoomNid>,
    /// Joining a room that is elsewhere.
    pub joins: KeyedSemaphore<OwnedRoomId>,
    /// Knocking on such a room, or leaving it.
    pub memberships: KeyedSemaphore<(OwnedRoomId, OwnedUserId)>,
    /// Fetching a room's history from before.
    pub backfills: KeyedSemaphore<RoomNid>,
    /// Writing down which devices a server's users have.
    pub devices: KeyedSemaphore<OwnedServerName>,
    /// Fetching media: (server, media id).
    pub media: KeyedSemaphore<(OwnedServerName, String)>,
    /// What each asker makes this server ask of others: so much at once, and so much waits.
    pub lookups: KeyedSemaphore<AskedBy>,
    /// The same for files, which take longer.
    pub media_askers: KeyedSemaphore<AskedBy>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self {
            requests: ByteBudget::new(128 << 20, 24 << 20),
            // A whole state is as large as one that this server takes.
            answers: ByteBudget::new(512 << 20, 256 << 20),
            transactions: Transactions::default(),
            intake: KeyedSemaphore::mutex(8),
            gaps: KeyedSemaphore::mutex(64),
            joins: KeyedSemaphore::mutex(64),
            memberships: KeyedSemaphore::mutex(4),
            backfills: KeyedSemaphore::mutex(32),
            devices: KeyedSemaphore::mutex(256),
            media: KeyedSemaphore::mutex(256),
            lookups: KeyedSemaphore::new(8, 64),
            media_askers: KeyedSemaphore::new(16, 256),
        }
    }
}

impl From<Crowded> for FederationError {
    fn from(_: Crowded) -> Self {
        Self::Room(RoomError::Busy)
    }
}
