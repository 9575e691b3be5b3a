//! Who is told what happens in a room.

use std::collections::HashMap;

use hearth_storage::RoomNid;

use super::names::ServerNid;

/// So many servers are held for all rooms.
const MAX_SERVERS: usize = 1_000_000;

/// The servers of rooms that are sent what happens there as it happens: neither this one nor those that are behind
/// in the room, so that those cost nothing.
#[derive(Default)]
pub(super) struct Recipients {
    rooms: HashMap<RoomNid, Vec<ServerNid>>,
    held: usize,
}

impl Recipients {
    pub fn is_known(&self, room: RoomNid) -> bool {
        self.rooms.contains_key(&room)
    }

    pub fn insert(&mut self, room: RoomNid, servers: Vec<ServerNid>) {
        self.held += servers.len() + 1;
        if let Some(before) = self.rooms.insert(room, servers) {
            self.held -= before.len() + 1;
        }
        // Any other room will do: its servers are read again when something happens there.
        while self.held > MAX_SERVERS && self.rooms.len() > 1 {
            let Some(other) = self.rooms.keys().find(|other| **other != room).copied() else { return };
            self.take(other);
        }
    }

    /// The room's servers, which are then not known any more.
    pub fn take(&mut self, room: RoomNid) -> Option<Vec<ServerNid>> {
        let servers = self.rooms.remove(&room)?;
        self.held -= servers.len() + 1;
        Some(servers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::*;

    #[test]
    fn what_is_held_is_bounded() {
        let server = Names::default().nid(ruma::server_name!("a"));
        let mut recipients = Recipients::default();
        for room in 0..300 {
            recipients.insert(RoomNid(room), vec![server; 5000]);
            assert!(recipients.is_known(RoomNid(room)));
        }
        assert!(recipients.held <= MAX_SERVERS && recipients.rooms.len() > 150);
        recipients.insert(RoomNid(299), Vec::new());
        assert_eq!(
            recipients.held,
            recipients.rooms.values().map(|servers| servers.len() + 1).sum::<usize>()
        );
    }
}
