//! Rooms that nobody of this server may enter.

use hearth_storage::schema::{self, rooms::BlockedRoomRow};
use ruma::RoomId;

use crate::{RoomError, read::rooms::Rooms};

impl Rooms {
    /// Who blocked a room, if anybody did.
    pub fn blocked(&self, id: &RoomId) -> Result<Option<BlockedRoomRow>, RoomError> {
        Ok(self.shared.view.get(&schema::BLOCKED_ROOMS, (id,))?)
    }

    /// Refuses to let anybody into a room that is blocked.
    pub fn may_be_entered(&self, id: &RoomId) -> Result<(), RoomError> {
        match self.shared.view.contains(&schema::BLOCKED_ROOMS, (id,))? {
            true => Err(blocked()),
            false => Ok(()),
        }
    }
}

pub(crate) fn blocked() -> RoomError {
    RoomError::Forbidden("this room was blocked by an administrator of this server".to_owned())
}
