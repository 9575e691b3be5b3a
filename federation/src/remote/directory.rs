//! Aliases and published rooms of other servers.

use ruma::{
    OwnedRoomId, OwnedServerName, RoomAliasId, ServerName,
    api::federation::{
        directory::get_public_rooms_filtered::v1::{Request as GetRooms, Response as Rooms},
        query::get_room_information::v1::Request as GetAlias,
    },
};

use super::lookup_for;
use crate::{AskedBy, Federation, FederationError};

/// How many servers of an alias's answer are kept.
const MOST_SERVERS: usize = 50;

impl Federation {
    /// The room that an alias of another server stands for, and servers that are in it.
    pub async fn resolve_alias(
        &self,
        asked_by: AskedBy,
        alias: &RoomAliasId,
    ) -> Result<(OwnedRoomId, Vec<OwnedServerName>), FederationError> {
        let server = alias.server_name();
        let limits = lookup_for(&asked_by);
        let request = GetAlias::new(alias.to_owned());
        let answer = self.look_up(asked_by, self.client().send_with(server, request, limits)).await?;
        let mut servers = answer.servers;
        servers.truncate(MOST_SERVERS);
        // Whoever gives out the alias is probably in the room.
        if !servers.iter().any(|known| known == server) {
            servers.push(server.to_owned());
        }
        Ok((answer.room_id, servers))
    }

    /// A page of the rooms that another server publishes.
    pub async fn public_rooms(
        &self,
        asked_by: AskedBy,
        server: &ServerName,
        request: GetRooms,
    ) -> Result<Rooms, FederationError> {
        let limits = lookup_for(&asked_by);
        self.look_up(asked_by, self.client().send_with(server, request, limits)).await
    }
}
