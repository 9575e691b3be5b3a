//! `POST /_matrix/client/v3/rooms/{roomId}/upgrade`

use axum::extract::State;
use hearth_rooms::Upgrade;
use ruma::api::client::room::upgrade_room::v3::{Request as UpgradeRoom, Response};

use crate::{
    Answer, ClientApi, Request, Result,
    membership::content::member_content,
    room::{access, create::supported_version, successor, version::Versioned},
};

/// Gives a room a successor of another version
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade)).
pub async fn upgrade_room(
    State(api): State<ClientApi>,
    Versioned(request): Versioned<UpgradeRoom>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let room = access::joined_room(&api.rooms, &who.user, &body.room_id)?;
    let upgrade = Upgrade {
        user: who.user.clone(),
        version: supported_version(&body.new_version)?,
        additional_creators: body.additional_creators,
        member_content: member_content(&api.users, &who.user, None)?,
    };
    let successor = api.rooms.upgrade(&room, upgrade).await?;
    successor::carry_over(&api, &who.user, &api.rooms.room(&successor)?).await;
    Ok(Answer(Response::new(successor)))
}
