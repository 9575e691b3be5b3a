//! `GET /_matrix/federation/v1/state/{roomId}` and `GET /_matrix/federation/v1/state_ids/{roomId}`

use std::sync::Arc;

use axum::extract::State;
use hearth_http::{Answer, JsonText, MatrixError, Result};
use hearth_rooms::Event;
use ruma::{
    EventId, OwnedEventId, RoomId, ServerName,
    api::federation::event::{get_room_state::v1 as whole, get_room_state_ids::v1 as ids},
};

use crate::{
    Federation,
    endpoint::Request,
    server::{access, pdus::Object},
};

/// The state before an event
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid)).
pub async fn get_room_state(
    State(federation): State<Federation>,
    request: Request<whole::Request>,
) -> Result<JsonText> {
    let whole::Request { room_id, event_id, .. } = request.body;
    let (state, chain) = before(&federation, &request.origin, &room_id, &event_id)?;
    Ok(Object::new()
        .pdus("pdus", state.iter().map(|event| &*event.pdu))
        .pdus("auth_chain", chain.iter().map(|event| &*event.pdu))
        .close())
}

/// The same as ids
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid)).
pub async fn get_room_state_ids(
    State(federation): State<Federation>,
    request: Request<ids::Request>,
) -> Result<Answer<ids::Response>> {
    let ids::Request { room_id, event_id, .. } = request.body;
    let (state, chain) = before(&federation, &request.origin, &room_id, &event_id)?;
    Ok(Answer(ids::Response::new(ids_of(&chain), ids_of(&state))))
}

/// State events, and those above them in the auth graph.
type StateAndChain = (Vec<Arc<Event>>, Vec<Arc<Event>>);

/// The state before an event, and what stands above that in the auth graph.
fn before(
    federation: &Federation,
    origin: &ServerName,
    room: &RoomId,
    event: &EventId,
) -> Result<StateAndChain> {
    let room = access::shared_room(federation, origin, room)?;
    // Of an outlier it is not known what was before it.
    let event = room.event(event)?.filter(|event| event.state.is_some());
    let event = event.ok_or_else(access::unknown_event)?;
    if room.lacked_members(&event)? {
        return Err(MatrixError::forbidden("This server does not know the members of that room yet."));
    }
    let state = room.state_before(&event)?;
    let chain = room.auth_chain(&ids_of(&state))?;
    Ok((state, chain))
}

fn ids_of(events: &[Arc<Event>]) -> Vec<OwnedEventId> {
    events.iter().map(|event| event.id().to_owned()).collect()
}
