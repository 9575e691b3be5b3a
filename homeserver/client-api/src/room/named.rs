//! Rooms by the names that requests give them, here or elsewhere.

use hearth_federation::AskedBy;
use hearth_rooms::{Room, Rooms};
use ruma::{OwnedRoomId, OwnedRoomOrAliasId, OwnedServerName};

use crate::{ClientApi, Result, directory::resolve::resolve, room::access};

/// A room that a request names.
pub(crate) struct Named {
    pub(crate) id: OwnedRoomId,
    /// Servers that may be in it: those that the request names first.
    pub(crate) via: Vec<OwnedServerName>,
}

impl Named {
    /// The room of an id or an alias; 404 where there is no such alias.
    pub(crate) async fn of(
        api: &ClientApi,
        asked_by: AskedBy,
        name: OwnedRoomOrAliasId,
        mut via: Vec<OwnedServerName>,
    ) -> Result<Self> {
        match OwnedRoomId::try_from(name) {
            Ok(id) => Ok(Self { id, via }),
            Err(alias) => {
                let (id, servers) = resolve(api, asked_by, &alias).await?;
                via.extend(servers);
                Ok(Self { id, via })
            }
        }
    }

    /// The room, if it stands as it is known here.
    pub(crate) fn here(&self, rooms: &Rooms) -> Result<Option<Room>> {
        access::current_room(rooms, &self.id)
    }
}
