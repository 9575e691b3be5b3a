//! Rooms whose members are not here yet (MSC3902): which they are, and waiting for the members.

use hearth_storage::{
    Position, RoomNid, Scan, StorageError,
    schema::{
        self,
        rooms::{Membership, PartialRoomRow},
    },
};
use ruma::{OwnedServerName, UserId};

use crate::{
    RoomError,
    read::{event::Event, room::Room, rooms::Rooms},
};

/// From which position on all of a room's state is here, by its row: a room without one always was whole.
pub(crate) fn whole_since(row: Option<PartialRoomRow>) -> Option<Position> {
    row.map_or(Some(Position(0)), |row| row.whole)
}

impl Room {
    /// Whether the room came without its members, and they are not here yet.
    pub fn is_partial(&self) -> bool {
        self.whole_since().is_none()
    }

    /// From which position on all of its state is here: 0 if it always was; `None` while its members are missing.
    pub fn whole_since(&self) -> Option<Position> {
        *self.0.whole_since.borrow()
    }

    /// Returns when all of the room's state is here.
    pub async fn when_whole(&self) {
        let mut whole_since = self.0.whole_since.subscribe();
        if whole_since.borrow().is_some() {
            return;
        }
        // It fails when the sender is gone, which lives as long as the room.
        let _ = whole_since.wait_for(Option::is_some).await;
        // The rows of a commit are told of one after the other: now the others are too, among them the room's head. A
        // store that has stopped tells nothing more.
        let _ = self.shared().store.settled().await;
    }

    /// How the room came without its members; `None` unless they are still missing.
    pub fn partial(&self) -> Result<Option<PartialRoomRow>, StorageError> {
        let row = self.shared().view.get(&schema::PARTIAL_ROOMS, (self.nid(),))?;
        Ok(row.filter(|row| row.whole.is_none()))
    }

    /// Whether an event was decided on by a state that lacks members, and they are not here yet.
    pub fn lacked_members(&self, event: &Event) -> Result<bool, StorageError> {
        if !self.is_partial() {
            return Ok(false);
        }
        self.shared().view.contains(&schema::PARTIAL_EVENTS, (self.nid(), event.nid))
    }

    /// Whether a user of another server is joined, as far as that is known: while members are missing, anyone may be of
    /// whom nothing is known and whose server is there.
    pub fn may_be_joined(&self, user: &UserId) -> Result<bool, RoomError> {
        match self.membership(user)? {
            Some(row) => Ok(row.membership == Membership::Join),
            None => Ok(self.is_partial() && self.has_server(user.server_name())?),
        }
    }

    /// The servers that were in the room while its members were missing, without its being known: they were told
    /// nothing.
    pub fn servers_missed(&self) -> Result<Vec<OwnedServerName>, StorageError> {
        let row = self.shared().view.get(&schema::PARTIAL_ROOMS, (self.nid(),))?;
        Ok(row.map_or(Vec::new(), |row| row.missed))
    }
}

impl Rooms {
    /// The rooms whose members are missing.
    pub fn partial_rooms(&self) -> Result<Vec<RoomNid>, StorageError> {
        let rows = self.shared.view.scan(&schema::PARTIAL_ROOMS, Scan::all());
        let partial = rows.filter_map(|row| match row {
            Ok(((room,), row)) => row.whole.is_none().then_some(Ok(room)),
            Err(error) => Some(Err(error)),
        });
        partial.collect()
    }
}
