//! Which servers are in which room: those with at least one joined user.

use std::{collections::BTreeSet, sync::Arc};

use hearth_spec::ServerAcl;
use hearth_storage::{
    RoomNid, Scan,
    schema::{self, rooms::Membership},
};
use ruma::{OwnedServerName, ServerName, UserId};

use crate::{
    RoomError,
    read::{room::Room, rooms::Rooms},
};

impl Room {
    /// Whether a user of this server is joined: then the room's state is kept up with. A disk that cannot be
    /// read says no.
    pub fn is_here(&self) -> bool {
        self.has_server(&self.shared().server_name).unwrap_or(false)
    }

    /// The servers that have a user joined.
    pub fn servers(&self) -> Result<Vec<OwnedServerName>, RoomError> {
        self.some_servers(usize::MAX, |_| true)
    }

    /// So many of them that are wanted; no more are read than it takes to find them.
    pub fn some_servers(
        &self,
        limit: usize,
        wanted: impl Fn(&ServerName) -> bool,
    ) -> Result<Vec<OwnedServerName>, RoomError> {
        let view = &self.shared().view;
        let rows = view.scan(&schema::ROOM_SERVERS, Scan::prefix((self.nid(),)));
        let servers = rows.map(|row| row.map(|((_, server), _)| server));
        let wanted = servers.filter(|server| server.as_ref().map_or(true, |server| wanted(server)));
        Ok(wanted.take(limit).collect::<Result<_, _>>()?)
    }

    /// Whether a server has a user joined.
    pub fn has_server(&self, server: &ServerName) -> Result<bool, RoomError> {
        Ok(self.shared().view.contains(&schema::ROOM_SERVERS, (self.nid(), server))?)
    }

    /// Whether the room's access control list lets a server take part.
    pub fn may_take_part(&self, server: &ServerName) -> Result<bool, RoomError> {
        let Some(event) = self.state_event("m.room.server_acl", "")? else { return Ok(true) };
        let mut cached = self.0.server_acl.lock();
        // Asked for with every event that comes: the patterns are read once.
        let acl = match &*cached {
            Some((nid, acl)) if *nid == event.nid => acl.clone(),
            _ => {
                let acl = Arc::new(ServerAcl::of(&event.pdu));
                *cached = Some((event.nid, acl.clone()));
                acl
            }
        };
        drop(cached);
        Ok(acl.allows(server))
    }
}

impl Rooms {
    /// The other servers with which rooms are shared. It reads a row for each room of each.
    pub fn other_servers(&self) -> Result<BTreeSet<OwnedServerName>, RoomError> {
        let mut servers = BTreeSet::new();
        for row in self.shared.view.scan(&schema::SERVER_ROOMS, Scan::all()) {
            servers.insert(row?.0.0);
        }
        servers.remove(self.server_name());
        Ok(servers)
    }

    /// The rooms in which a server has a user joined.
    pub fn rooms_shared_with(&self, server: &ServerName) -> Result<Vec<RoomNid>, RoomError> {
        let view = &self.shared.view;
        let rows = view.scan(&schema::SERVER_ROOMS, Scan::prefix((server,)));
        Ok(rows.map(|row| row.map(|((_, room), ())| room)).collect::<Result<_, _>>()?)
    }

    /// The servers in any room to which a user is joined.
    pub fn servers_of_user(&self, user: &UserId) -> Result<BTreeSet<OwnedServerName>, RoomError> {
        let view = &self.shared.view;
        let mut servers = BTreeSet::new();
        for (room, row) in self.rooms_of(user)? {
            if row.membership == Membership::Join {
                for row in view.scan(&schema::ROOM_SERVERS, Scan::prefix((room,))) {
                    servers.insert(row?.0.1);
                }
            }
        }
        Ok(servers)
    }
}
