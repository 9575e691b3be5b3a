//! `/_matrix/client/v3/directory/room/{roomAlias}`

use axum::extract::State;
use hearth_federation::AskedBy;
use hearth_rooms::{NewEvent, Room, RoomError};
use http::StatusCode;
use ruma::{
    OwnedRoomAliasId, RoomAliasId, ServerName, UserId,
    api::client::alias::{create_alias::v3 as create, delete_alias::v3 as delete, get_alias::v3 as get},
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result,
    directory::resolve::{resolve, unknown},
    room::access,
    state::canonical_alias::Aliases,
};

/// The room that an alias stands for
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias)).
pub async fn get_room_id_by_alias(
    State(api): State<ClientApi>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let (room, servers) = resolve(&api, AskedBy::address(request.address), &request.body.room_alias).await?;
    Ok(Answer(get::Response::new(room, servers)))
}

/// Gives a room an alias. Only members may
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias)).
pub async fn set_room_alias(
    State(api): State<ClientApi>,
    request: Request<create::Request>,
) -> Result<Answer<create::Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    if body.room_alias.server_name() != api.options.server_name {
        return Err(MatrixError::invalid_param("An alias of another server is made there."));
    }
    check_name(body.room_alias.alias())?;
    api.rooms.bans().allow_alias(&body.room_alias)?;
    may_be_given(&api, &who, &body.room_alias)?;
    let room = match who.service() {
        // It makes aliases for rooms in which its users will be.
        Some(_) => access::room(&api.rooms, &body.room_id)?,
        None => access::joined_room(&api.rooms, &who.user, &body.room_id)?,
    };
    match api.rooms.set_alias(&body.room_alias, &room, &who.user).await {
        Ok(()) => Ok(Answer(create::Response::new())),
        Err(RoomError::AliasTaken) => {
            Err(MatrixError::new(StatusCode::CONFLICT, "M_UNKNOWN", "There is such an alias already."))
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes an alias away. Who made it may, who has the power to change the room's main alias, and administrators
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias)).
pub async fn delete_room_alias(
    State(api): State<ClientApi>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let row = api.rooms.resolve_alias(&body.room_alias)?.ok_or_else(unknown)?;
    may_be_given(&api, &who, &body.room_alias)?;
    let room = api.rooms.find_room(&row.room_id)?;
    let in_power = room.as_ref().map(|room| may_name(room, &who.user)).transpose()?.unwrap_or(false);
    if row.creator != who.user && !who.admin && !in_power && who.service().is_none() {
        return Err(MatrixError::forbidden("That alias is not yours to delete."));
    }
    api.rooms.delete_alias(&body.room_alias).await?;
    if let Some(room) = room {
        unname(&room, &who.user, &body.room_alias).await?;
    }
    Ok(Answer(delete::Response::new()))
}

/// Refuses an alias that is an application service's alone; and to a service, one that is not in its namespaces.
pub(crate) fn may_be_given(api: &ClientApi, who: &Requester, alias: &RoomAliasId) -> Result<()> {
    let owner = api.services.owner_of_alias(alias);
    match (who.service(), owner) {
        (Some(service), Some(owner)) if owner.id == service.id => Ok(()),
        (Some(service), None) if service.aliases.contains(alias.as_str()) => Ok(()),
        (None, None) => Ok(()),
        (Some(_), _) => {
            Err(MatrixError::exclusive("That alias is not in a namespace of this application service."))
        }
        (None, Some(_)) => Err(MatrixError::exclusive("That alias is an application service's.")),
    }
}

/// Whether a user may say which aliases a room calls its own, and thus how it is published.
pub(crate) fn may_name(room: &Room, user: &UserId) -> Result<bool> {
    Ok(room.is_joined(user)? && room.power_levels()?.may_send(user, "m.room.canonical_alias", true))
}

/// Takes a deleted alias out of the room's `m.room.canonical_alias`, if the user may.
async fn unname(room: &Room, user: &UserId, alias: &RoomAliasId) -> Result<()> {
    let Some(aliases) = room.state_content::<Aliases>("m.room.canonical_alias", "")? else { return Ok(()) };
    let left = aliases.without(alias);
    if left == aliases {
        return Ok(());
    }
    match room.send(NewEvent::state_json(user, "m.room.canonical_alias", "", &left)?, None).await {
        Ok(_) | Err(RoomError::Forbidden(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The alias of this server with that name.
pub(crate) fn local_alias(name: &str, server_name: &ServerName) -> Result<OwnedRoomAliasId> {
    check_name(name)?;
    RoomAliasId::parse(format!("#{name}:{server_name}"))
        .map_err(|_| MatrixError::invalid_param("That name cannot be a room alias."))
}

/// What a person could not tell or type is no name.
fn check_name(name: &str) -> Result<()> {
    let unfit = |letter: char| letter == ':' || letter.is_whitespace() || letter.is_control();
    match name.is_empty() || name.contains(unfit) {
        true => Err(MatrixError::invalid_param("That name cannot be a room alias.")),
        false => Ok(()),
    }
}
