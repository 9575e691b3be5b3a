//! `GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}`

use axum::extract::State;
use ruma::api::client::room::get_room_event::v3::Request as GetEvent;

use crate::{ClientApi, JsonText, Request, Result, message::view::View, state::events::EventWriter};

/// One event of a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid)).
pub async fn get_event(State(api): State<ClientApi>, request: Request<GetEvent>) -> Result<JsonText> {
    let Request { body, who, .. } = request;
    let (view, event) = View::with_event(&api, &who.user, &body.room_id, &body.event_id)?;
    let mut out = String::new();
    EventWriter::new(&api, &view.room, &who)?.write(&event, &mut out)?;
    Ok(JsonText(out))
}
