//! Which rooms are direct chats: the account data `m.direct` (client-server API, "Direct Messaging").

use ruma::{RoomId, UserId};
use serde_json::{Map, Value};

use crate::{AccountData, UsersError};

const DIRECT: &str = "m.direct";

impl AccountData {
    /// Names a room beside another one wherever that is a direct chat: for the successor of a room.
    pub async fn carry_over_direct(
        &self,
        user: &UserId,
        from: &RoomId,
        to: &RoomId,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let Some(content) = self.get(user, None, DIRECT)? else { return Ok(()) };
        // Clients write this in any shape.
        let Ok(mut chats) = serde_json::from_str::<Map<String, Value>>(content.get()) else { return Ok(()) };
        let mut changed = false;
        for rooms in chats.values_mut().filter_map(Value::as_array_mut) {
            let names = |room: &RoomId| rooms.iter().any(|named| named == room.as_str());
            if names(from) && !names(to) {
                rooms.push(to.as_str().into());
                changed = true;
            }
        }
        if changed {
            let content = serde_json::to_string(&chats).map_err(UsersError::bad_json)?;
            self.set_locked(guard, user, None, DIRECT, content).await?;
        }
        Ok(())
    }
}
