//! `POST /_matrix/client/v3/account/deactivate`

use axum::extract::State;
use hearth_storage::schema::rooms::Membership;
use ruma::{
    UserId,
    api::client::account::{
        ThirdPartyIdRemovalStatus,
        deactivate::v3::{Request as Deactivate, Response},
    },
};
use serde_json::Map;

use crate::{Answer, ClientApi, MatrixError, Request, Result, uia};

/// Ends an account for good
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate)).
pub async fn deactivate(
    State(api): State<ClientApi>,
    request: Request<Deactivate>,
) -> Result<Answer<Response>> {
    // Without a token one would prove oneself by an e-mail, which this server does not send.
    let session =
        request.who.clone().ok_or_else(|| MatrixError::missing_token("An access token is required."))?;
    uia::confirm(&api, &request, &session.user, "deactivate").await?;
    end_account(&api, &session.user, request.body.erase).await?;
    // No identity server was ever told of this user.
    Ok(Answer(Response::new(ThirdPartyIdRemovalStatus::Success)))
}

/// Ends an account, and takes its user out of every room.
pub(crate) async fn end_account(api: &ClientApi, user: &UserId, erase: bool) -> Result<()> {
    api.users.accounts.deactivate(user, erase).await?;
    api.rooms.forget_delayed_events(user).await?;
    leave_rooms(api, user).await
}

/// Takes a user out of every room. The account is ended already: a room that does not let go of them is no
/// reason to fail.
async fn leave_rooms(api: &ClientApi, user: &UserId) -> Result<()> {
    for (room, row) in api.rooms.rooms_of(user)? {
        if !matches!(row.membership, Membership::Join | Membership::Invite | Membership::Knock) {
            continue;
        }
        let left =
            async { api.rooms.room_by_nid(room)?.set_membership(user, user, "leave", Map::new()).await };
        if let Err(error) = left.await {
            tracing::warn!(%error, %user, %room, "a deactivated user did not leave a room");
        }
    }
    Ok(())
}
