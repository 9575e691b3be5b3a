//! What the outbox writes down.

use hearth_storage::{Position, RoomNid, Transaction, schema};
use ruma::{OwnedServerName, OwnedUserId};

/// Rows to be written, in order, and the positions that hang on them.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::outbox) struct Rows {
    /// The first position missed in a room, or nothing where a destination is caught up.
    pub rooms: Vec<(OwnedServerName, RoomNid, Option<Position>)>,
    /// Whether a device list is still to be told.
    pub lists: Vec<(OwnedServerName, OwnedUserId, bool)>,
    /// Dealt with as soon as the rows are durable.
    pub held: Vec<Position>,
}

impl Rows {
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.lists.is_empty()
    }

    pub fn write(&self, transaction: &mut Transaction) {
        for (server, room, missed) in &self.rooms {
            match missed {
                Some(first) => transaction.put(&schema::DESTINATION_ROOMS, (server, *room), first),
                None => transaction.delete(&schema::DESTINATION_ROOMS, (server, *room)),
            }
        }
        for (server, user, waits) in &self.lists {
            if *waits {
                transaction.put(&schema::DESTINATION_DEVICE_LISTS, (server, user), &());
            } else {
                transaction.delete(&schema::DESTINATION_DEVICE_LISTS, (server, user));
            }
        }
    }
}
