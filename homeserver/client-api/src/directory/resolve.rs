//! Which room an alias stands for.

use hearth_federation::AskedBy;
use hearth_http::rooms::servers::servers_of;
use ruma::{OwnedRoomId, OwnedServerName, RoomAliasId};

use crate::{ClientApi, MatrixError, Result};

/// The room that an alias stands for, as the alias's server knows it, and servers that are in the room.
pub(crate) async fn resolve(
    api: &ClientApi,
    asked_by: AskedBy,
    alias: &RoomAliasId,
) -> Result<(OwnedRoomId, Vec<OwnedServerName>)> {
    api.rooms.bans().allow_alias(alias)?;
    if !api.federation.is_own(alias.server_name()) {
        return Ok(api.federation.resolve_alias(asked_by, alias).await?);
    }
    let mut row = api.rooms.resolve_alias(alias)?;
    if row.is_none() {
        api.services.look_up_alias(alias).await;
        row = api.rooms.resolve_alias(alias)?;
    }
    let room = row.ok_or_else(unknown)?.room_id;
    let servers = servers_of(&api.rooms, &room)?;
    Ok((room, servers))
}

pub(super) fn unknown() -> MatrixError {
    MatrixError::not_found("There is no such room alias.")
}
