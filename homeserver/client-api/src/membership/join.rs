//! `POST /_matrix/client/v3/rooms/{roomId}/join` and `POST /_matrix/client/v3/join/{roomIdOrAlias}`

use axum::extract::State;
use hearth_federation::AskedBy;
use hearth_rooms::{Room, RoomError};
use ruma::{
    OwnedRoomId,
    api::client::membership::{
        ThirdPartySigned, join_room_by_id::v3 as by_id, join_room_by_id_or_alias::v3 as by_name,
    },
};
use serde_json::{Map, Value};

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result,
    membership::{content::member_content, guests},
    room::{named::Named, successor},
};

/// Joins a room by its id
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin)).
pub async fn join_room_by_id(
    State(api): State<ClientApi>,
    request: Request<by_id::Request>,
) -> Result<Answer<by_id::Response>> {
    let further = further_content(&request.bytes)?;
    let by_id::Request { room_id, third_party_signed, reason, .. } = request.body;
    let room = Named { id: room_id, via: Vec::new() };
    let joined = join(&api, &request.who, room, third_party_signed, reason, further).await?;
    Ok(Answer(by_id::Response::new(joined)))
}

/// Joins a room by its id or an alias
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias)).
pub async fn join_room(
    State(api): State<ClientApi>,
    request: Request<by_name::Request>,
) -> Result<Answer<by_name::Response>> {
    let further = further_content(&request.bytes)?;
    let by_name::Request { room_id_or_alias, third_party_signed, reason, via, .. } = request.body;
    let asked_by = AskedBy::User(request.who.user.clone());
    let room = Named::of(&api, asked_by, room_id_or_alias, via).await?;
    let joined = join(&api, &request.who, room, third_party_signed, reason, further).await?;
    Ok(Answer(by_name::Response::new(joined)))
}

/// What a request has beyond its parameters: clients lay it into the member event, and other servers let them.
fn further_content(body: &[u8]) -> Result<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let mut content: Map<String, Value> = serde_json::from_slice(body)?;
    // The parameters, and what only the server says.
    for key in ["third_party_signed", "reason", "membership", "join_authorised_via_users_server"] {
        content.remove(key);
    }
    Ok(content)
}

async fn join(
    api: &ClientApi,
    who: &Requester,
    room: Named,
    third_party_signed: Option<ThirdPartySigned>,
    reason: Option<String>,
    further: Map<String, Value>,
) -> Result<OwnedRoomId> {
    who.not_suspended()?;
    if third_party_signed.is_some() {
        return Err(MatrixError::invalid_param("Nobody is invited here by a third-party identifier."));
    }
    // Who is in keeps the name they have there.
    if let Some(here) = room.here(&api.rooms)?
        && here.is_joined(&who.user)?
    {
        return Ok(room.id);
    }
    let mut content = further;
    content.extend(member_content(&api.users, &who.user, reason)?);
    let joined = enter(api, who, &room, content).await?;
    successor::carry_over(api, &who.user, &joined).await;
    Ok(room.id)
}

/// Joins a user to a room: here, or by a server that is in it. `content` is the rest of the member event's.
pub(crate) async fn enter(
    api: &ClientApi,
    who: &Requester,
    room: &Named,
    content: Map<String, Value>,
) -> Result<Room> {
    match room.here(&api.rooms)? {
        Some(here) => {
            guests::may_enter(&here, who)?;
            match api.rooms.join(&here, &who.user, content.clone()).await {
                Ok(_) => return Ok(here),
                // Another server may have a user who may let them in.
                Err(RoomError::UnableToAuthoriseJoin(_)) if here.some_servers(2, |_| true)?.len() > 1 => {}
                Err(error) => return Err(error.into()),
            }
        }
        None if who.guest() => {
            return Err(MatrixError::guest_access_forbidden("Guests may not join rooms of other servers."));
        }
        None => {}
    }
    Ok(api.federation.join(&who.user, &room.id, &room.via, content).await?)
}
