//! `GET /_matrix/federation/v1/event/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use ruma::api::federation::event::get_event::v1::Request as GetEvent;

use crate::{
    Federation,
    endpoint::Request,
    server::{access, pdus},
};

/// One event, for a server that is in its room
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid)).
pub async fn get_event(State(federation): State<Federation>, request: Request<GetEvent>) -> Result<JsonText> {
    let event = federation.rooms().event_by_id(&request.body.event_id)?.ok_or_else(access::unknown_event)?;
    let room = federation.rooms().room_by_nid(event.room)?;
    let room = access::shared_room(&federation, &request.origin, room.id())?;
    let events = access::seen_by(&federation, &room, &request.origin, &[event])?;
    Ok(pdus::transaction(&federation, events.iter().map(|event| &**event)))
}
