//! Aliases of this server and the published directory.

use hearth_storage::{
    Scan, View,
    schema::{self, rooms::AliasRow},
};
use ruma::{OwnedRoomAliasId, RoomAliasId};

use crate::{
    RoomError,
    read::{room::Room, rooms::Rooms},
};

impl Rooms {
    /// The room that an alias of this server stands for, and who made it.
    pub fn resolve_alias(&self, alias: &RoomAliasId) -> Result<Option<AliasRow>, RoomError> {
        Ok(self.shared.view.get(&schema::ALIASES, (alias,))?)
    }

    /// Whether a room is in the published directory.
    pub fn is_published(&self, room: &Room) -> Result<bool, RoomError> {
        Ok(self.shared.view.contains(&schema::DIRECTORY, (room.nid(),))?)
    }

    /// The rooms of the published directory.
    pub fn published(&self) -> Result<Vec<Room>, RoomError> {
        let view = &self.shared.view;
        let rows = view.scan(&schema::DIRECTORY, Scan::all());
        rows.map(|row| self.room_by_nid(row?.0.0)).collect()
    }
}

impl Room {
    /// The aliases of this server that stand for the room.
    pub fn aliases(&self) -> Result<Vec<OwnedRoomAliasId>, RoomError> {
        aliases_of(&self.shared().view, self)
    }
}

pub(crate) fn aliases_of(view: &View, room: &Room) -> Result<Vec<OwnedRoomAliasId>, RoomError> {
    let rows = view.scan(&schema::ROOM_ALIASES, Scan::prefix((room.nid(),)));
    Ok(rows.map(|row| row.map(|((_, alias), ())| alias)).collect::<Result<_, _>>()?)
}
