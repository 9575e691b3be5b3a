//! Aliases of this server and the published directory.

use hearth_storage::{
    Scan, View,
    schema::{self, rooms::AliasRow},
};
use ruma::{OwnedRoomAliasId, RoomAliasId, UserId};

use crate::{RoomError, room::Room, rooms::Rooms};

impl Rooms {
    /// The room that an alias of this server stands for, and who made it.
    pub fn resolve_alias(&self, alias: &RoomAliasId) -> Result<Option<AliasRow>, RoomError> {
        Ok(self.shared.view.get(&schema::ALIASES, (alias,))?)
    }

    /// Gives a room an alias.
    pub async fn set_alias(
        &self,
        alias: &RoomAliasId,
        room: &Room,
        creator: &UserId,
    ) -> Result<(), RoomError> {
        let row = AliasRow { room_id: room.id().to_owned(), creator: creator.to_owned() };
        let commit = {
            let _lock = self.shared.aliases.lock();
            let mut tx = self.shared.store.begin()?;
            if tx.contains(&schema::ALIASES, (alias,))? {
                return Err(RoomError::AliasTaken);
            }
            tx.put(&schema::ALIASES, (alias,), &row);
            tx.put(&schema::ROOM_ALIASES, (room.nid(), alias), &());
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Gives up an alias.
    pub async fn delete_alias(&self, alias: &RoomAliasId) -> Result<(), RoomError> {
        let commit = {
            let _lock = self.shared.aliases.lock();
            let mut tx = self.shared.store.begin()?;
            let row = tx.get(&schema::ALIASES, (alias,))?.ok_or(RoomError::UnknownAlias)?;
            tx.delete(&schema::ALIASES, (alias,));
            if let Some(room) = tx.get(&schema::ROOM_NIDS, (&row.room_id,))? {
                tx.delete(&schema::ROOM_ALIASES, (room, alias));
            }
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Moves all aliases and the place in the directory from one room to another.
    pub(crate) async fn move_aliases(&self, from: &Room, to: &Room) -> Result<(), RoomError> {
        let commit = {
            let _lock = self.shared.aliases.lock();
            let mut tx = self.shared.store.begin()?;
            for alias in aliases_of(&tx, from)? {
                if let Some(row) = tx.get(&schema::ALIASES, (&alias,))? {
                    let row = AliasRow { room_id: to.id().to_owned(), ..row };
                    tx.put(&schema::ALIASES, (&alias,), &row);
                    tx.delete(&schema::ROOM_ALIASES, (from.nid(), &alias));
                    tx.put(&schema::ROOM_ALIASES, (to.nid(), &alias), &());
                }
            }
            if tx.contains(&schema::DIRECTORY, (from.nid(),))? {
                tx.delete(&schema::DIRECTORY, (from.nid(),));
                tx.put(&schema::DIRECTORY, (to.nid(),), &());
            }
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Whether a room is in the published directory.
    pub fn is_published(&self, room: &Room) -> Result<bool, RoomError> {
        Ok(self.shared.view.contains(&schema::DIRECTORY, (room.nid(),))?)
    }

    /// Puts a room into the published directory, or takes it out.
    pub async fn set_published(&self, room: &Room, published: bool) -> Result<(), RoomError> {
        let commit = {
            let mut tx = self.shared.store.begin()?;
            match published {
                true => tx.put(&schema::DIRECTORY, (room.nid(),), &()),
                false => tx.delete(&schema::DIRECTORY, (room.nid(),)),
            }
            tx.submit()
        };
        commit.await?;
        Ok(())
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

fn aliases_of(view: &View, room: &Room) -> Result<Vec<OwnedRoomAliasId>, RoomError> {
    let rows = view.scan(&schema::ROOM_ALIASES, Scan::prefix((room.nid(),)));
    Ok(rows.map(|row| row.map(|((_, alias), ())| alias)).collect::<Result<_, _>>()?)
}
