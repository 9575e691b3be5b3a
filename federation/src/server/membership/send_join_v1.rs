//! `PUT /_matrix/federation/v1/send_join/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use ruma::api::response;

use crate::{
    Federation,
    endpoint::Request as Asked,
    server::membership::{event_request::event_request, send_join},
};

event_request!("/_matrix/federation/v1/send_join/{room_id}/{event_id}");

/// Not what is answered: that is a status and a body, an old mistake in the specification.
#[response]
pub struct Response {}

/// Takes in a join, and hands out the room, to servers that do not know the second version of the endpoint
/// (removed from the specification in v1.18 by MSC4376, and still asked for).
pub async fn send_join(State(federation): State<Federation>, request: Asked<Request>) -> Result<JsonText> {
    let Request { room_id, event_id, event } = request.body;
    let joined = send_join::accept(&federation, &request.origin, &room_id, &event_id, &event, false).await?;
    Ok(JsonText(format!("[200,{}]", joined.close().0)))
}
