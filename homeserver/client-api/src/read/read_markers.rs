//! `POST /_matrix/client/v3/rooms/{roomId}/read_markers`

use axum::extract::State;
use hearth_rooms::{Event, Room};
use ruma::{
    OwnedEventId, UserId,
    api::client::read_marker::set_read_marker::v3::{Request as SetReadMarker, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::{Answer, ClientApi, Request, Result, read::receipt::visible_event, room::access};

/// Moves several of the user's markers at once
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers)).
pub async fn set_read_markers(
    State(api): State<ClientApi>,
    request: Request<SetReadMarker>,
) -> Result<Answer<Response>> {
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
        set_fully_read(&api, &who.user, &room, &event).await?;
    }
    api.sync.active(&who.user);
    Ok(Answer(Response::new()))
}

/// The account data in which the fully read marker is kept.
const FULLY_READ: &str = "m.fully_read";

#[derive(Serialize, Deserialize)]
struct FullyRead {
    event_id: OwnedEventId,
}

/// Moves the fully read marker of a user, but never back.
pub(super) async fn set_fully_read(api: &ClientApi, user: &UserId, room: &Room, event: &Event) -> Result<()> {
    let account_data = &api.users.account_data;
    let marker = account_data.get(user, Some(room.id()), FULLY_READ)?;
    let marker = marker.and_then(|marker| serde_json::from_str::<FullyRead>(marker.get()).ok());
    if let Some(FullyRead { event_id }) = marker
        && let Some(marked) = room.event(&event_id)?
        && marked.order() >= event.order()
    {
        return Ok(());
    }
    let content = to_raw_value(&FullyRead { event_id: event.id().to_owned() })?;
    account_data.set(user, Some(room.id()), FULLY_READ, &content).await?;
    Ok(())
}
