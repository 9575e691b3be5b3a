//! `POST /_matrix/client/v3/rooms/{roomId}/invite`

use axum::extract::State;
use http::StatusCode;
use ruma::{
    UserId,
    api::client::membership::invite_user::v3::{InvitationRecipient, Request as Invite, Response},
};
use serde::Deserialize;

use crate::{
    Answer, ClientApi, MatrixError, Request, Result, membership::content::member_content, room::access,
};

/// Invites a user to a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite)).
pub async fn invite_user(State(api): State<ClientApi>, request: Request<Invite>) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let InvitationRecipient::UserId(invitee) = body.recipient else { return Err(third_party()) };
    // Only members learn how the invitee takes invites.
    let room = access::joined_room(&api.rooms, &who.user, &body.room_id)?;
    may_be_invited(&api, &invitee.user_id)?;
    let content = member_content(&api.users, &invitee.user_id, invitee.reason)?;
    room.set_membership(&who.user, &invitee.user_id, "invite", content).await?;
    Ok(Answer(Response::new()))
}

/// Refuses to invite who is on another server, and who takes no invites ("Invite permission").
pub(crate) fn may_be_invited(api: &ClientApi, invitee: &UserId) -> Result<()> {
    #[derive(Deserialize)]
    struct InvitePermission {
        default_action: Option<String>,
    }
    if invitee.server_name() != api.options.server_name {
        return Err(access::elsewhere());
    }
    let permission = api.users.account_data.get(invitee, None, "m.invite_permission_config")?;
    let permission =
        permission.and_then(|content| serde_json::from_str::<InvitePermission>(content.get()).ok());
    match permission.and_then(|permission| permission.default_action).as_deref() {
        Some("block") => Err(MatrixError::new(
            StatusCode::FORBIDDEN,
            "M_INVITE_BLOCKED",
            format!("{invitee} takes no invites."),
        )),
        _ => Ok(()),
    }
}

/// The answer to invites by e-mail and the like: they need an identity server.
pub(crate) fn third_party() -> MatrixError {
    MatrixError::new(
        StatusCode::BAD_REQUEST,
        "M_SERVER_NOT_TRUSTED",
        "This server works with no identity server: invite by user id.",
    )
}
