//! `POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}`, and without the action, which
//! is in the body then

use axum::extract::State;
use hearth_rooms::Rooms;
use ruma::api::client::delayed_events::update_delayed_event::{UpdateAction, unstable_v1, unstable_v2};

use crate::{Answer, MatrixError, Request, Result};

/// Restarts, cancels or sends a delayed event. Whoever knows its id may: there is no token, so that a service can do it
/// for a client that is gone.
pub async fn update_delayed_event(
    State(rooms): State<Rooms>,
    request: Request<unstable_v2::Request>,
) -> Result<Answer<unstable_v2::Response>> {
    let unknown = || MatrixError::unrecognized("There is no such action.");
    act(&rooms, &request.body.delay_id, &request.body.action, unknown).await?;
    Ok(Answer(unstable_v2::Response::new()))
}

/// The same as clients did it before.
pub async fn update_delayed_event_by_body(
    State(rooms): State<Rooms>,
    request: Request<unstable_v1::Request>,
) -> Result<Answer<unstable_v1::Response>> {
    let unknown = || MatrixError::invalid_param("`action` is none of `restart`, `cancel` and `send`.");
    act(&rooms, &request.body.delay_id, &request.body.action, unknown).await?;
    Ok(Answer(unstable_v1::Response::new()))
}

async fn act(
    rooms: &Rooms,
    delay_id: &str,
    action: &UpdateAction,
    unknown: impl FnOnce() -> MatrixError,
) -> Result<()> {
    match action {
        UpdateAction::Restart => Ok(rooms.restart_delayed(delay_id).await?),
        UpdateAction::Cancel => Ok(rooms.cancel_delayed(delay_id).await?),
        UpdateAction::Send => Ok(rooms.send_delayed(delay_id).await?),
        _ => Err(unknown()),
    }
}
