//! `GET /_matrix/client/v3/presence/{userId}/status`

use std::time::Duration;

use axum::extract::State;
use ruma::{
    api::client::presence::get_presence::v3::{Request as GetPresence, Response},
    presence::PresenceState,
};

use crate::{Answer, ClientApi, MatrixError, Request, Result};

/// Whether a user is there: the user's own business, and of those who share a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus)).
pub async fn get_presence(
    State(api): State<ClientApi>,
    request: Request<GetPresence>,
) -> Result<Answer<Response>> {
    let (user, who) = (request.body.user_id, request.who);
    if user != who.user && !api.sync.shares_room(&who.user, &user)? {
        return Err(MatrixError::forbidden("You share no room with that user."));
    }
    let Some(now) = api.sync.presence(&user) else {
        return Ok(Answer(Response::new(PresenceState::Offline)));
    };
    let mut response = Response::new(now.presence);
    response.currently_active = (response.presence == PresenceState::Online).then_some(now.currently_active);
    response.last_active_ago = Some(Duration::from_millis(now.last_active_ago_ms));
    response.status_msg = now.status_message;
    Ok(Answer(response))
}
