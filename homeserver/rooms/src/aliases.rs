//! Aliases of this server and the published directory.

use hearth_storage::{
    Scan,
    schema::{self, rooms::AliasRow},
};
use ruma::{OwnedRoomAliasId, RoomAliasId, UserId};

use crate::{RoomError, room::Room, rooms::Rooms};

impl Rooms {
    /// The room that an alias of this server stands for, and who made it.
    pub fn resolve_alias(&self, alias: &RoomAliasId) -> Result<Option<AliasRow>, RoomError> {
        Ok(self.shared.store.view().get(&schema::ALIASES, (alias,))?)
    }

    /// Gives a room an alias.
    pub async fn set_alias(
        &self,
        alias: &RoomAliasId,
        room: &Room,
        creator: &UserId,
    ) -> Result<(), RoomError> {
        let _lock = self.shared.aliases.lock().await;
        if self.resolve_alias(alias)?.is_some() {
            return Err(RoomError::AliasTaken);
        }
        let row = AliasRow { room_id: room.id().to_owned(), creator: creator.to_owned() };
        let commit = {
            let mut tx = self.shared.store.begin()?;
            tx.put(&schema::ALIASES, (alias,), &row);
            tx.put(&schema::ROOM_ALIASES, (room.nid(), alias), &());
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Gives up an alias.
    pub async fn delete_alias(&self, alias: &RoomAliasId) -> Result<(), RoomError> {
        let _lock = self.shared.aliases.lock().await;
        let row = self.resolve_alias(alias)?.ok_or(RoomError::UnknownAlias)?;
        let room = self.find_room(&row.room_id)?;
        let commit = {
            let mut tx = self.shared.store.begin()?;
            tx.delete(&schema::ALIASES, (alias,));
            if let Some(room) = room {
                tx.delete(&schema::ROOM_ALIASES, (room.nid(), alias));
            }
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Moves all aliases and the place in the directory from one room to another.
    pub(crate) async fn move_aliases(&self, from: &Room, to: &Room) -> Result<(), RoomError> {
        let _lock = self.shared.aliases.lock().await;
        let aliases = from.aliases()?;
        let published = self.is_published(from)?;
        let mut rows = Vec::new();
        for alias in aliases {
            if let Some(row) = self.resolve_alias(&alias)? {
                rows.push((alias, AliasRow { room_id: to.id().to_owned(), ..row }));
            }
        }
        let commit = {
            let mut tx = self.shared.store.begin()?;
            for (alias, row) in &rows {
                tx.put(&schema::ALIASES, (alias,), row);
                tx.delete(&schema::ROOM_ALIASES, (from.nid(), alias));
                tx.put(&schema::ROOM_ALIASES, (to.nid(), alias), &());
            }
            if published {
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
        Ok(self.shared.store.view().contains(&schema::DIRECTORY, (room.nid(),))?)
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
        let view = self.shared.store.view();
        let rows = view.scan(&schema::DIRECTORY, Scan::all());
        rows.map(|row| self.room_by_nid(row?.0.0)).collect()
    }
}

impl Room {
    /// The aliases of this server that stand for the room.
    pub fn aliases(&self) -> Result<Vec<OwnedRoomAliasId>, RoomError> {
        let view = self.shared().store.view();
        let rows = view.scan(&schema::ROOM_ALIASES, Scan::prefix((self.nid(),)));
        Ok(rows.map(|row| row.map(|((_, alias), ())| alias)).collect::<Result<_, _>>()?)
    }
}
