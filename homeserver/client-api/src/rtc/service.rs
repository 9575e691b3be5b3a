//! The token service of this server's SFU: at [`PATH`] on the address of the homeserver, as clients ask it, those of other
//! servers as well, who prove by OpenID who they are
//! ([MSC4195](https://github.com/matrix-org/matrix-spec-proposals/pull/4195), before homeservers answered themselves).

mod asked;
pub mod delegate_delayed_leave;
pub mod get_token;
pub mod sfu_get;
#[cfg(test)]
mod tests;

use hearth_calls::{CallError, CallService, Participant};
use serde::Serialize;

use crate::{ClientApi, MatrixError, Result};

/// Where the service is.
pub const PATH: &str = "/livekit/jwt";
/// Its endpoints.
pub(crate) const SFU_GET: &str = "/livekit/jwt/sfu/get";
pub(crate) const GET_TOKEN: &str = "/livekit/jwt/get_token";
pub(crate) const DELEGATE: &str = "/livekit/jwt/delegate_delayed_leave";

/// What a client gets.
#[derive(Serialize, Debug)]
pub struct Ticket {
    /// Of the SFU, for WebSockets.
    url: String,
    jwt: String,
}

/// Lets somebody in, whose leave is taken over if they ask for that.
fn ticket(api: &ClientApi, participant: &Participant, delay_id: Option<String>) -> Result<Ticket> {
    let calls = calls(api)?;
    let jwt = calls.token(participant).map_err(refused)?;
    if let Some(delay_id) = delay_id {
        take_over_leave(api, participant, delay_id)?;
    }
    Ok(Ticket { url: calls.sfu_url(), jwt })
}

/// A delayed event waits at the server of its sender, and no other looks after it.
fn take_over_leave(api: &ClientApi, participant: &Participant, delay_id: String) -> Result<()> {
    if !api.federation.is_own(participant.user.server_name()) {
        return Err(MatrixError::bad_json("Delayed events of other servers' users are not taken over."));
    }
    calls(api)?.take_over_leave(participant, delay_id).map_err(refused)
}

fn calls(api: &ClientApi) -> Result<&CallService> {
    api.calls.as_ref().ok_or_else(|| MatrixError::unrecognized("This server carries no calls."))
}

fn refused(error: CallError) -> MatrixError {
    let message = error.to_string();
    match error {
        CallError::NotInRoom => MatrixError::forbidden(message),
        CallError::UnknownLeave => MatrixError::not_found(message),
        CallError::TooManyLeaves => MatrixError::user_limit_exceeded(message),
        CallError::Token(_) => MatrixError::internal(message),
        CallError::Rooms(error) => error.into(),
    }
}
