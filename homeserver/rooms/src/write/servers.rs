//! Counting the joined users of each server.

use std::collections::BTreeMap;

use hearth_storage::{
    View,
    schema::{self, rooms::Membership},
};
use ruma::ServerName;

use crate::{
    RoomError,
    read::room::RoomInner,
    write::staged::{MembershipChange, Staged},
};

impl RoomInner {
    /// Whether a user of this server is joined, as the writer sees it: then the room's state is kept up with.
    pub fn is_live(&self, view: &View) -> Result<bool, RoomError> {
        Ok(view.contains(&schema::ROOM_SERVERS, (self.nid, &self.shared.server_name))?)
    }

    /// Writes what changes of memberships make of how many users of each server are joined.
    pub fn count_servers(&self, staged: &mut Staged, changes: &[MembershipChange]) -> Result<(), RoomError> {
        let mut moved: BTreeMap<&ServerName, i64> = BTreeMap::new();
        for MembershipChange { user, was, is } in changes {
            for (side, by) in [(was, -1), (is, 1)] {
                if matches!(side, Some((Membership::Join, _))) {
                    *moved.entry(user.server_name()).or_default() += by;
                }
            }
        }
        moved.retain(|_, by| *by != 0);
        for (server, by) in moved {
            let told = by < 0 && self.is_told_server(staged, server)?;
            let tx = &mut staged.tx;
            let before = tx.get(&schema::ROOM_SERVERS, (self.nid, server))?.unwrap_or(0);
            let now = before.saturating_add_signed(by);
            // Of a server that is said to be there it is not known which of its users is the last.
            if now == 0 && !told {
                tx.delete(&schema::ROOM_SERVERS, (self.nid, server));
                tx.delete(&schema::SERVER_ROOMS, (server, self.nid));
            } else {
                tx.put(&schema::ROOM_SERVERS, (self.nid, server), &now);
            }
            if before == 0 && now > 0 {
                tx.put(&schema::SERVER_ROOMS, (server, self.nid), &());
            }
        }
        Ok(())
    }
}
