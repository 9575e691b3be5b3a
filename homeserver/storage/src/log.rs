//! The commit log: what changed, in the order in which it became durable.

use ruma::{OwnedDeviceId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{
    Buffer, EventNid, Position, RoomNid, StateKeyNid, StorageError, Value, keyspace::row,
    schema::rooms::Membership,
};

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
    /// Account data, push rules or tags of this user changed: in a room, or everywhere.
    AccountData { user: OwnedUserId, room: Option<OwnedRoomId>, data_type: String },
    /// A message waits for this device.
    ToDevice { user: OwnedUserId, device: OwnedDeviceId },
    /// Device keys, devices or cross-signing keys of this user changed.
    DeviceList { user: OwnedUserId },
    /// The one-time or fallback keys of this device changed in number.
    OneTimeKeys { user: OwnedUserId, device: OwnedDeviceId },
    /// An EDU waits for this server.
    Edu { server: OwnedServerName },
    /// An event that was missing in a room's timeline was fetched: it stands before what came earlier.
    History { room: RoomNid, event: EventNid },
    /// An event of a timeline was emptied by a redaction, which may have come before it.
    Redacted { room: RoomNid, event: EventNid },
    /// The current state of a room changed at this key, by an event or because forks met. Of members, `Membership`
    /// tells.
    State { room: RoomNid, key: StateKeyNid },
    /// A user's profile changed.
    Profile { user: OwnedUserId },
    /// An account was made, changed or deactivated.
    Account { user: OwnedUserId },
    /// An alias of this server was made, moved to another room, or deleted.
    Alias { alias: OwnedRoomAliasId },
    /// A room was put into the published directory, or taken out.
    Directory { room: RoomNid },
    /// A piece of media was announced, came, or was deleted.
    Media { server: String, media_id: String },
    /// Somebody reported content, at this time in milliseconds.
    Report { at: u64, reporter: OwnedUserId },
    /// An event was taken out of a room's timeline, for good.
    Purged { room: RoomNid, event: EventNid },
    /// This user subscribed to a thread, or no longer does.
    ThreadSubscription { user: OwnedUserId },
    /// A pusher of this user was set or deleted.
    Pusher { user: OwnedUserId },
    /// The state of a room that came without its members is here: what was decided in it since was decided again.
    Whole { room: RoomNid },
}

row!(Change);

/// A change as it stands in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct LogRow {
    pub change: Change,
    /// The change at the next position belongs to the same commit.
    pub goes_on: bool,
}

impl LogRow {
    /// The changes of a commit as they stand in the log, behind a position.
    pub(crate) fn of_commit(
        before: Position,
        changes: impl ExactSizeIterator<Item = Change>,
    ) -> impl Iterator<Item = (Position, Self)> {
        let (count, mut position) = (changes.len(), before);
        changes.enumerate().map(move |(at, change)| {
            position = position.next();
            (position, Self { change, goes_on: at + 1 < count })
        })
    }

    /// How many bytes the change takes in the log, its key included.
    pub fn size(&self) -> u64 {
        let mut value = Buffer::default();
        self.encode(&mut value);
        (size_of::<Position>() + value.len()) as u64
    }
}

/// The change, and one byte more if its commit goes on: rows of older servers, which have none, read as the ends of
/// commits.
impl Value for LogRow {
    fn encode(&self, out: &mut Buffer) {
        self.change.encode(out);
        if self.goes_on {
            out.extend([1]);
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        let (change, rest) = postcard::take_from_bytes(bytes)
            .map_err(|error| StorageError::corrupt(format!("a change cannot be read: {error}")))?;
        Ok(Self { change, goes_on: !rest.is_empty() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_whether_its_commit_goes_on() {
        let change = Change::Event { room: RoomNid(300), event: EventNid(7) };
        for goes_on in [false, true] {
            let row = LogRow { change: change.clone(), goes_on };
            let mut bytes = Buffer::default();
            row.encode(&mut bytes);
            assert_eq!(LogRow::decode(bytes.bytes()).unwrap(), row);
            assert_eq!(row.size(), 8 + bytes.len() as u64);
        }
        // As it was written before it said so.
        let mut bytes = Buffer::default();
        change.encode(&mut bytes);
        assert_eq!(LogRow::decode(bytes.bytes()).unwrap(), LogRow { change, goes_on: false });
        assert!(LogRow::decode(&[99]).is_err());
    }
}
