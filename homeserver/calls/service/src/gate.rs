//! What the SFU takes from outside.

use std::sync::Arc;

use hearth_rooms::{RoomError, Rooms};
use hearth_sfu::Outside;
use hearth_storage::{Clock, Random};

use crate::tokens::member_of;

/// The server around the SFU: its clock, its chance, and who is in its rooms.
pub struct Gate {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub rooms: Rooms,
}

impl Gate {
    fn is_member(&self, holder: &str) -> Result<bool, RoomError> {
        let Some((room_id, user)) = member_of(holder) else { return Ok(false) };
        self.rooms.find_room(&room_id)?.map_or(Ok(false), |room| room.is_joined(&user))
    }
}

impl Outside for Gate {
    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    /// Members of the room; and whom another program lets in that knows the secret, which names no holder.
    fn lets_in(&self, holder: &str) -> bool {
        holder.is_empty()
            || self.is_member(holder).unwrap_or_else(|error| {
                tracing::warn!(%error, "nobody can say who is in a room, and is let into its call");
                false
            })
    }
}
