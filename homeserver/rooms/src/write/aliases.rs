//! Taking and giving up aliases of this server, and places in the published directory.

use hearth_storage::{
    Change,
    schema::{self, rooms::AliasRow},
};
use ruma::{RoomAliasId, UserId};

use crate::{
    RoomError,
    read::{aliases::aliases_of, room::Room, rooms::Rooms},
};

impl Rooms {
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
            match tx.contains(&schema::ALIASES, (alias,))? {
                true => None,
                false => {
                    tx.put(&schema::ALIASES, (alias,), &row);
                    tx.put(&schema::ROOM_ALIASES, (room.nid(), alias), &());
                    tx.append(&Change::Alias { alias: alias.to_owned() });
                    Some(tx.submit())
                }
            }
        };
        match commit {
            Some(commit) => Ok(commit.await.map(drop)?),
            None => {
                // Who hears that somebody else has taken it looks for it at once.
                self.shared.store.settled().await?;
                Err(RoomError::AliasTaken)
            }
        }
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
            tx.append(&Change::Alias { alias: alias.to_owned() });
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
                    tx.append(&Change::Alias { alias });
                }
            }
            if tx.contains(&schema::DIRECTORY, (from.nid(),))? {
                tx.delete(&schema::DIRECTORY, (from.nid(),));
                tx.put(&schema::DIRECTORY, (to.nid(),), &());
                for room in [from, to] {
                    tx.append(&Change::Directory { room: room.nid() });
                }
            }
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Puts a room into the published directory, or takes it out.
    pub async fn set_published(&self, room: &Room, published: bool) -> Result<(), RoomError> {
        let commit = {
            let mut tx = self.shared.store.begin()?;
            match published {
                true => tx.put(&schema::DIRECTORY, (room.nid(),), &()),
                false => tx.delete(&schema::DIRECTORY, (room.nid(),)),
            }
            tx.append(&Change::Directory { room: room.nid() });
            tx.submit()
        };
        commit.await?;
        Ok(())
    }
}
