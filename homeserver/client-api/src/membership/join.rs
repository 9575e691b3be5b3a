//! `POST /_matrix/client/v3/rooms/{roomId}/join` and `POST /_matrix/client/v3/join/{roomIdOrAlias}`

use axum::extract::State;
use hearth_rooms::Room;
use ruma::api::client::membership::{
    ThirdPartySigned, join_room_by_id::v3 as by_id, join_room_by_id_or_alias::v3 as by_name,
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result,
    membership::{content::member_content, guests},
    room::access,
};

/// Joins a room by its id
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin)).
pub async fn join_room_by_id(
    State(api): State<ClientApi>,
    request: Request<by_id::Request>,
) -> Result<Answer<by_id::Response>> {
    let by_id::Request { room_id, third_party_signed, reason, .. } = request.body;
    let room = access::named_room(&api.rooms, room_id.into())?;
    join(&api, &request.who, &room, third_party_signed, reason).await?;
    Ok(Answer(by_id::Response::new(room.id().to_owned())))
}

/// Joins a room by its id or an alias
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias)).
pub async fn join_room(
    State(api): State<ClientApi>,
    request: Request<by_name::Request>,
) -> Result<Answer<by_name::Response>> {
    let by_name::Request { room_id_or_alias, third_party_signed, reason, .. } = request.body;
    let room = access::named_room(&api.rooms, room_id_or_alias)?;
    join(&api, &request.who, &room, third_party_signed, reason).await?;
    Ok(Answer(by_name::Response::new(room.id().to_owned())))
}

async fn join(
    api: &ClientApi,
    who: &Requester,
    room: &Room,
    third_party_signed: Option<ThirdPartySigned>,
    reason: Option<String>,
) -> Result<()> {
    who.not_suspended()?;
    if third_party_signed.is_some() {
        return Err(MatrixError::invalid_param("Nobody is invited here by a third-party identifier."));
    }
    // Who is in keeps the name they have there.
    if room.is_joined(&who.user)? {
        return Ok(());
    }
    guests::may_enter(room, who)?;
    api.rooms.join(room, &who.user, member_content(&api.users, &who.user, reason)?).await?;
    Ok(())
}
