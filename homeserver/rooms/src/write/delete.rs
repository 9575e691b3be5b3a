//! Giving up a room: all users of this server leave it, and what was said there goes.

use hearth_storage::{
    Change, RoomNid, Scan, TimelineOrder,
    schema::{
        self,
        rooms::{Membership, Work},
    },
};
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde_json::{Map, Value};

use crate::{
    RoomError,
    read::{aliases::aliases_of, room::Room, rooms::Rooms},
    write::works::Left,
};

/// How many users leave at once, or forget the room.
const AT_ONCE: usize = 20;
/// Of how many it is told that they left; of more it is not.
const MAX_TOLD: usize = 1000;

/// How far it is. As [`Work::DeleteRoom`].
pub(crate) struct Deletion {
    pub room: RoomNid,
    pub purge: bool,
    pub successor: Option<OwnedRoomId>,
    pub kicked: Vec<OwnedUserId>,
    pub failed: Vec<OwnedUserId>,
    pub aliases: Vec<String>,
}

impl Deletion {
    /// Does some of it: first all leave, then the aliases go, then the room is forgotten, and last it is purged.
    pub async fn go_on(mut self, rooms: &Rooms) -> Result<Left, RoomError> {
        let room = rooms.room_by_nid(self.room)?;
        let here = self.still_here(rooms, &room)?;
        if !here.is_empty() {
            for user in here {
                self.move_out(rooms, &room, user).await?;
            }
            return Ok(Left::More(self.work()));
        }
        self.take_aliases(rooms, &room).await?;
        let mut forgotten = 0;
        for user in room.all_members_of(rooms.server_name())? {
            let row = rooms.user_room(&user, room.nid())?;
            let may_forget = row.is_some_and(|row| {
                !row.forgotten && matches!(row.membership, Membership::Leave | Membership::Ban)
            });
            if may_forget {
                room.forget(&user).await?;
                forgotten += 1;
            }
            if forgotten == AT_ONCE {
                return Ok(Left::More(self.work()));
            }
        }
        if self.purge {
            let end = room.head().position.into();
            if room.purge_some(TimelineOrder::MIN, end, false).await?.rest.is_some() {
                return Ok(Left::More(self.work()));
            }
        }
        Ok(Left::Nothing(self.work()))
    }

    /// Some of those who are in the room, or may come in.
    fn still_here(&self, rooms: &Rooms, room: &Room) -> Result<Vec<OwnedUserId>, RoomError> {
        let mut here = Vec::new();
        for membership in [Membership::Join, Membership::Invite, Membership::Knock] {
            let of_this_server = Scan::prefix((room.nid(), membership, rooms.server_name()));
            here.extend(room.some_members(of_this_server, AT_ONCE + self.failed.len())?);
        }
        here.retain(|user| !self.failed.contains(user));
        here.truncate(AT_ONCE);
        Ok(here)
    }

    async fn move_out(&mut self, rooms: &Rooms, room: &Room, user: OwnedUserId) -> Result<(), RoomError> {
        let was_in = room.is_joined(&user)?;
        let shown = shown_of(room, &user)?;
        match room.set_membership(&user, &user, "leave", Map::new()).await {
            Ok(_) => {}
            Err(error @ (RoomError::Storage(_) | RoomError::Busy)) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, %user, room = %room.id(), "a user did not leave a room that is deleted");
                self.failed.push(user);
                return Ok(());
            }
        }
        if let (Some(successor), true) = (&self.successor, was_in) {
            let entered = match rooms.room(successor) {
                Ok(successor) => rooms.join(&successor, &user, shown).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = entered {
                tracing::warn!(%error, %user, room = %successor, "a user could not be brought into a room");
            }
        }
        if self.kicked.len() < MAX_TOLD {
            self.kicked.push(user);
        }
        Ok(())
    }

    /// Takes the room's aliases and its place in the directory away, or gives them to the successor.
    async fn take_aliases(&mut self, rooms: &Rooms, room: &Room) -> Result<(), RoomError> {
        let aliases = room.aliases()?;
        if aliases.is_empty() && !rooms.is_published(room)? {
            return Ok(());
        }
        self.aliases.extend(aliases.iter().take(MAX_TOLD).map(ToString::to_string));
        if let Some(successor) = &self.successor {
            return rooms.move_aliases(room, &rooms.room(successor)?).await;
        }
        let commit = {
            let _lock = room.shared().aliases.lock();
            let mut tx = room.shared().store.begin()?;
            for alias in aliases_of(&tx, room)? {
                tx.delete(&schema::ALIASES, (&alias,));
                tx.delete(&schema::ROOM_ALIASES, (room.nid(), &alias));
                tx.append(&Change::Alias { alias });
            }
            tx.delete(&schema::DIRECTORY, (room.nid(),));
            tx.append(&Change::Directory { room: room.nid() });
            tx.submit()
        };
        commit.await?;
        Ok(())
    }

    fn work(self) -> Work {
        let Self { room, purge, successor, kicked, failed, aliases } = self;
        Work::DeleteRoom { room, purge, successor, kicked, failed, aliases }
    }
}

/// What a user shows of themselves in a room.
fn shown_of(room: &Room, user: &UserId) -> Result<Map<String, Value>, RoomError> {
    let mut content: Map<String, Value> =
        room.state_content("m.room.member", user.as_str())?.unwrap_or_default();
    content.retain(|key, _| key == "displayname" || key == "avatar_url");
    Ok(content)
}
