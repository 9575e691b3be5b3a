//! Closing rooms to users of this server.

use hearth_storage::schema::{self, rooms::BlockedRoomRow};
use ruma::{RoomId, UserId};

use crate::{RoomError, read::rooms::Rooms};

impl Rooms {
    /// Lets nobody of this server into a room any more, whether it is known or not; or lets them in again.
    pub async fn set_blocked(&self, id: &RoomId, by: &UserId, blocked: bool) -> Result<(), RoomError> {
        let mut tx = self.shared.store.begin()?;
        match blocked {
            true => {
                let row = BlockedRoomRow { by: by.to_owned(), at: self.now_ms() };
                tx.put(&schema::BLOCKED_ROOMS, (id,), &row);
            }
            false => tx.delete(&schema::BLOCKED_ROOMS, (id,)),
        }
        tx.submit().await?;
        Ok(())
    }
}
