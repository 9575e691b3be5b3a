//! Aliases and published rooms of other servers.

use ruma::{
    OwnedRoomId, OwnedServerName, RoomAliasId, ServerName,
    api::federation::{
        directory::get_public_rooms_filtered::v1::{Request as GetRooms, Response as Rooms},
        query::get_room_information::v1::Request as GetAlias,
    },
};

use super::SOON;
use crate::{Federation, FederationError};

/// How many servers of an alias's answer are kept.
const MOST_SERVERS: usize = 50;

impl Federation {
    /// The room that an alias of another server stands for, and servers that are in it.
    pub async fn resolve_alias(
        &self,
        alias: &RoomAliasId,
    ) -> Result<(OwnedRoomId, Vec<OwnedServerName>), FederationError> {
        let server = alias.server_name();
        let answer = self.client().send_with(server, GetAlias::new(alias.to_owned()), SOON).await?;
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
        server: &ServerName,
        request: GetRooms,
    ) -> Result<Rooms, FederationError> {
        self.client().send_with(server, request, SOON).await
    }
}
