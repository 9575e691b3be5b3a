//! `PUT /_matrix/client/v3/presence/{userId}/status`

use axum::extract::State;
use hearth_sync::{BUSY, MAX_STATUS_BYTES};
use ruma::{
    api::client::presence::set_presence::v3::{Request as SetPresence, Response},
    presence::PresenceState,
};

use crate::{Answer, ClientApi, MatrixError, Request, Result};

/// Says whether the user is there
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3presenceuseridstatus)).
pub async fn set_presence(
    State(api): State<ClientApi>,
    request: Request<SetPresence>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    who.is(&body.user_id)?;
    who.not_suspended()?;
    if body.status_msg.as_ref().is_some_and(|message| message.len() > MAX_STATUS_BYTES) {
        return Err(MatrixError::too_large("The status message is too long."));
    }
    api.sync.set_presence(&who.user, &who.device, known(body.presence)?, body.status_msg);
    Ok(Answer(Response::new()))
}

/// Refuses what is no presence.
pub(crate) fn known(presence: PresenceState) -> Result<PresenceState> {
    match presence {
        PresenceState::Online | PresenceState::Unavailable | PresenceState::Offline => Ok(presence),
        busy if busy.as_str() == BUSY => Ok(busy),
        _ => Err(MatrixError::invalid_param("A presence is online, unavailable or offline.")),
    }
}
