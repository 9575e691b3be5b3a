//! Which servers to name to who wants into a room.

use hearth_rooms::Rooms;
use ruma::{OwnedServerName, RoomId};

use crate::Result;

/// As many servers as are named: one of them will let a user in.
const MAX_SERVERS: usize = 50;

/// This server, and others that are in a room.
pub fn servers_of(rooms: &Rooms, room: &RoomId) -> Result<Vec<OwnedServerName>> {
    let mut servers = vec![rooms.server_name().to_owned()];
    if let Some(room) = rooms.find_room(room)? {
        servers.extend(room.some_servers(MAX_SERVERS - 1, |server| server != rooms.server_name())?);
    }
    Ok(servers)
}
