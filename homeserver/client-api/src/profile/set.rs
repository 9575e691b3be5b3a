//! `PUT` and `DELETE /_matrix/client/v3/profile/{userId}/{keyName}`

#[cfg(test)]
mod tests;

use axum::extract::State;
use futures::StreamExt as _;
use hearth_storage::{RoomNid, schema::rooms::Membership};
use ruma::{
    UserId,
    api::client::profile::{delete_profile_field::v3 as delete, set_profile_field::v3 as set},
    profile::ProfileFieldName,
};
use serde_json::value::to_raw_value;

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result, membership::content::member_content,
};

/// How many rooms are told of a new name at a time.
const AT_ONCE: usize = 16;

/// Sets a field of the user's profile
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname)).
pub async fn set_profile_field(
    State(api): State<ClientApi>,
    request: Request<set::Request>,
) -> Result<Answer<set::Response>> {
    let Request { body, who, .. } = request;
    let field = body.value.field_name();
    may_change(&who, &body.user_id, &field)?;
    let value = to_raw_value(&*body.value.value())?;
    api.users.profiles.set(&who.user, field.as_str(), &value).await?;
    tell_rooms(&api, &who.user, &field).await?;
    Ok(Answer(set::Response::new()))
}

/// Deletes one
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname)).
pub async fn delete_profile_field(
    State(api): State<ClientApi>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    let Request { body, who, .. } = request;
    may_change(&who, &body.user_id, &body.field)?;
    api.users.profiles.delete(&who.user, body.field.as_str()).await?;
    tell_rooms(&api, &who.user, &body.field).await?;
    Ok(Answer(delete::Response::new()))
}

fn may_change(who: &Requester, user: &UserId, field: &ProfileFieldName) -> Result<()> {
    who.is(user)?;
    who.not_suspended()?;
    match who.guest() && *field != ProfileFieldName::DisplayName {
        true => Err(MatrixError::guest_access_forbidden("Guests may only change their display name.")),
        false => Ok(()),
    }
}

/// Writes a new name or avatar into the user's member events.
pub(crate) async fn tell_rooms(api: &ClientApi, user: &UserId, field: &ProfileFieldName) -> Result<()> {
    if !matches!(field, ProfileFieldName::DisplayName | ProfileFieldName::AvatarUrl) {
        return Ok(());
    }
    let rows = api.rooms.rooms_of(user)?.into_iter();
    let joined = rows.filter(|(_, row)| row.membership == Membership::Join).map(|(room, _)| room);
    futures::stream::iter(joined)
        .for_each_concurrent(AT_ONCE, |room| async move {
            // The profile itself is set: a room that does not take it is no reason to fail.
            if let Err(error) = tell_room(api, user, room).await {
                tracing::warn!(%error, %user, %room, "a room was not told of a new profile");
            }
        })
        .await;
    Ok(())
}

async fn tell_room(api: &ClientApi, user: &UserId, room: RoomNid) -> Result<()> {
    let room = api.rooms.room_by_nid(room)?;
    let content = member_content(&api.users, user, None)?;
    room.set_membership(user, user, "join", content).await?;
    Ok(())
}
