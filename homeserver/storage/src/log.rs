//! The commit log: what changed, in the order in which it became durable.

use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{EventNid, RoomNid, keyspace::row, schema::rooms::Membership};

/// One change, as the log tells it to its readers. It names what changed; the rest is read where it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// An event came to the end of a room's timeline; its order is this position.
    Event { room: RoomNid, event: EventNid },
    /// A user's membership in the current state of a room changed, or an invite or knock came for a room that
    /// is not here.
    Membership { room: RoomNid, user: OwnedUserId, membership: Membership },
    /// A receipt of this user changed.
    Receipt { room: RoomNid, user: OwnedUserId },
    /// Account data, push rules or tags of this user changed.
    AccountData { user: OwnedUserId },
    /// A message waits for this device.
    ToDevice { user: OwnedUserId, device: OwnedDeviceId },
    /// Device keys, devices or cross-signing keys of this user changed.
    DeviceList { user: OwnedUserId },
    /// The one-time or fallback keys of this device changed in number.
    OneTimeKeys { user: OwnedUserId, device: OwnedDeviceId },
    /// An EDU waits for this server.
    Edu { server: OwnedServerName },
}

row!(Change);
