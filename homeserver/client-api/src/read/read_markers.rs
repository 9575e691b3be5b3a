//! `POST /_matrix/client/v3/rooms/{roomId}/read_markers`

use axum::extract::State;
use ruma::{
    OwnedEventId,
    api::client::read_marker::set_read_marker::v3::{Request as SetReadMarker, Response},
};
use serde::Deserialize;

use crate::{
    Answer, ClientApi, Request, Result,
    read::{fully_read::set_fully_read, receipt::visible_event},
    room::access,
};

/// Whether the fully read marker may go back
/// ([MSC4446](https://github.com/matrix-org/matrix-spec-proposals/pull/4446)).
#[derive(Deserialize)]
struct Backward {
    #[serde(default, rename = "com.beeper.allow_backward")]
    allow_backward: bool,
}

/// Moves several of the user's markers at once
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers)).
pub async fn set_read_markers(
    State(api): State<ClientApi>,
    request: Request<SetReadMarker>,
) -> Result<Answer<Response>> {
    let Backward { allow_backward } = request.more()?;
    let Request { body, who, .. } = request;
    let room = access::joined_room(&api.rooms, &who.user, &body.room_id)?;
    // All events are looked up before any marker moves.
    let event = |id: Option<OwnedEventId>| id.map(|id| visible_event(&room, &who.user, &id)).transpose();
    let fully_read = event(body.fully_read)?;
    let receipts =
        [("m.read", event(body.read_receipt)?), ("m.read.private", event(body.private_read_receipt)?)];
    for (receipt_type, event) in receipts {
        if let Some(event) = event {
            room.set_receipt(&who.user, receipt_type, None, &event).await?;
        }
    }
    if let Some(event) = fully_read {
        set_fully_read(&api, &who.user, &room, &event, allow_backward).await?;
    }
    api.sync.active(&who.user);
    Ok(Answer(Response::new()))
}
