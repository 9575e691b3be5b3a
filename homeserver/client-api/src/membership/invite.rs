//! `POST /_matrix/client/v3/rooms/{roomId}/invite`

use axum::extract::State;
use futures::StreamExt as _;
use hearth_http::invites;
use hearth_rooms::Room;
use http::StatusCode;
use ruma::{
    OwnedUserId, UserId,
    api::client::membership::invite_user::v3::{InvitationRecipient, Request as Invite, Response},
};
use serde_json::{Map, Value};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result, membership::content::member_content, room::access,
};

/// How many users of other servers are invited at a time.
const AT_ONCE: usize = 8;

/// Invites a user to a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite)).
pub async fn invite_user(State(api): State<ClientApi>, request: Request<Invite>) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let InvitationRecipient::UserId(invitee) = body.recipient else { return Err(third_party()) };
    // Only members learn how the invitee takes invites.
    let room = access::joined_room(&api.rooms, &who.user, &body.room_id)?;
    if who.shadow_banned {
        return Ok(Answer(Response::new()));
    }
    let content = member_content(&api.users, &invitee.user_id, invitee.reason)?;
    invite(&api, &room, &who.user, &invitee.user_id, content).await?;
    Ok(Answer(Response::new()))
}

/// Invites a user of this server or of another, which signs the invite. `content` is the rest of the member event's.
pub(crate) async fn invite(
    api: &ClientApi,
    room: &Room,
    sender: &UserId,
    invitee: &UserId,
    content: Map<String, Value>,
) -> Result<()> {
    not_banned(api, invitee)?;
    if is_elsewhere(api, invitee) {
        return Ok(api.federation.invite(room, sender, invitee, content).await?);
    }
    invites::permitted(&api.users, invitee, sender)?;
    make_sure_of(api, invitee).await?;
    room.set_membership(sender, invitee, "invite", content).await?;
    Ok(())
}

/// Refuses to invite whom administrators banned from this server.
pub(crate) fn not_banned(api: &ClientApi, invitee: &UserId) -> Result<()> {
    match api.rooms.bans().bans_user(invitee) {
        true => Err(MatrixError::forbidden(format!("{invitee} is banned by this server."))),
        false => Ok(()),
    }
}

/// Lets the application service to which a user of this server belongs make the account, if there is none.
pub(crate) async fn make_sure_of(api: &ClientApi, invitee: &UserId) -> Result<()> {
    if !api.users.accounts.exists(invitee)? {
        api.services.look_up_user(invitee).await;
    }
    Ok(())
}

/// Invites users of other servers to a new room. One who cannot be invited is no reason to fail: the room is there.
pub(crate) async fn invite_to_new_room(
    api: &ClientApi,
    room: &Room,
    creator: &UserId,
    invitees: Vec<OwnedUserId>,
    is_direct: bool,
) {
    let content: Map<String, Value> =
        is_direct.then(|| ("is_direct".to_owned(), true.into())).into_iter().collect();
    let content = &content;
    futures::stream::iter(invitees)
        .for_each_concurrent(AT_ONCE, |invitee| async move {
            if let Err(error) = invite(api, room, creator, &invitee, content.clone()).await {
                tracing::warn!(%error, room = %room.id(), %invitee, "a user was not invited to a new room");
            }
        })
        .await;
}

/// Whether a user is of another server.
pub(crate) fn is_elsewhere(api: &ClientApi, user: &UserId) -> bool {
    !api.federation.is_own(user.server_name())
}

/// The answer to invites by e-mail and the like: they need an identity server.
pub(crate) fn third_party() -> MatrixError {
    MatrixError::new(
        StatusCode::BAD_REQUEST,
        "M_SERVER_NOT_TRUSTED",
        "This server works with no identity server: invite by user id.",
    )
}
