//! `GET /_matrix/federation/v1/event_auth/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use ruma::api::federation::authorization::get_event_authorization::v1::Request as GetEventAuth;

use crate::{
    Federation,
    endpoint::Request,
    server::{access, pdus::Object},
};

/// The auth chain of an event
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid)).
pub async fn get_event_auth(
    State(federation): State<Federation>,
    request: Request<GetEventAuth>,
) -> Result<JsonText> {
    let GetEventAuth { room_id, event_id, .. } = request.body;
    let room = access::shared_room(&federation, &request.origin, &room_id)?;
    let event = room.event(&event_id)?.ok_or_else(access::unknown_event)?;
    let chain = room.auth_chain(&[event.id().to_owned()])?;
    let chain = chain.iter().filter(|above| above.nid != event.nid);
    Ok(Object::new().pdus("auth_chain", chain.map(|above| &*above.pdu)).close())
}
