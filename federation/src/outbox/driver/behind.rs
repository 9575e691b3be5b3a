//! When the log does not have any more what the outbox was to read: what other servers missed is found in indexes and
//! written down, as it is of servers that are behind.

use std::collections::BTreeSet;

use hearth_rooms::Rooms;
use hearth_storage::{
    Behind, Position, RoomNid, Scan, StorageError, View, blocking, schema, schema::rooms::Membership,
};
use ruma::{OwnedServerName, ServerName};

use super::{Driver, PresenceServers, Queues};
use crate::{
    FederationError,
    outbox::{queues::Rows, unacknowledged::Unacknowledged},
};

/// So many rooms are looked at between two commits.
const ROOMS_AT_ONCE: usize = 500;

impl Driver {
    /// Writes down what other servers may have missed up to the end of a gap, and begins anew behind it.
    pub(super) async fn skip(&mut self, gap: Behind) -> Result<(), FederationError> {
        self.end().await;
        // What waits in memory is written down as well.
        let from = self.queues.settled().min(gap.from);
        let mut page = Some(Page::Rooms(RoomNid(0)));
        while let Some(this) = page {
            let (rows, next) = blocking(|| this.missed(&self.rooms, from))?;
            let commit = {
                let mut transaction = self.store.begin()?;
                rows.write(&mut transaction);
                transaction.submit()
            };
            commit.await?;
            page = next;
        }
        (self.writing, self.unwritten) = (0, None);
        self.sending.clear();
        // Servers get other numbers.
        self.unacknowledged = Unacknowledged::default();
        self.refused.clear();
        self.presence_servers = PresenceServers::default();
        self.queues = Queues::new(gap.to);
        Ok(self.restore()?)
    }
}

/// What is to be looked at next.
#[derive(Clone, Copy)]
enum Page {
    /// Rooms from behind this one.
    Rooms(RoomNid),
    /// Users whose device lists changed since.
    DeviceLists,
}

impl Page {
    /// What servers missed after a position, and the next page.
    fn missed(self, rooms: &Rooms, from: Position) -> Result<(Rows, Option<Self>), FederationError> {
        let view = rooms.store().view();
        let mut rows = Rows::default();
        match self {
            Self::Rooms(after) => {
                let mut last = None;
                let heads = view.scan(&schema::ROOM_HEADS, Scan::all().after((after,)));
                for head in heads.take(ROOMS_AT_ONCE) {
                    let ((room,), head) = head?;
                    if head.position > from {
                        missed_in(&view, rooms.server_name(), room, from, &mut rows)?;
                    }
                    last = Some(Self::Rooms(room));
                }
                Ok((rows, last.or(Some(Self::DeviceLists))))
            }
            Self::DeviceLists => {
                for row in view.scan(&schema::DEVICE_LIST_CHANGES, Scan::all().after((from,))) {
                    let (_, user) = row?;
                    if user.0.server_name() == rooms.server_name() {
                        let servers = rooms.servers_of_user(&user.0)?;
                        let others = servers.into_iter().filter(|server| server != rooms.server_name());
                        rows.lists.extend(others.map(|server| (server, user.0.clone(), true)));
                    }
                }
                Ok((rows, None))
            }
        }
    }
}

/// What servers missed after a position in a room in which something happened.
fn missed_in(
    view: &View,
    own: &ServerName,
    room: RoomNid,
    from: Position,
    rows: &mut Rows,
) -> Result<(), StorageError> {
    let mut servers = BTreeSet::new();
    for row in view.scan(&schema::ROOM_SERVERS, Scan::prefix((room,))) {
        let ((_, server), _) = row?;
        servers.insert(server);
    }
    servers.remove(own);
    let mut missed: BTreeSet<OwnedServerName> = servers.clone();
    for row in view.scan(&schema::MEMBERSHIPS, Scan::prefix((room,))) {
        let ((_, user), row) = row?;
        match row.membership {
            _ if row.position <= from => {}
            // Servers may know nothing of the devices of who came.
            Membership::Join if user.server_name() == own => {
                rows.lists.extend(servers.iter().map(|server| (server.clone(), user.clone(), true)));
            }
            // The server of who left may be in the room no more.
            Membership::Leave | Membership::Ban if user.server_name() != own => {
                missed.insert(user.server_name().to_owned());
            }
            _ => {}
        }
    }
    for server in missed {
        // What it missed before that stays written down.
        if !view.contains(&schema::DESTINATION_ROOMS, (&server, room))? {
            rows.rooms.push((server, room, Some(from.next())));
        }
    }
    Ok(())
}
