//! `PUT /_matrix/federation/v1/send_leave/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use ruma::api::response;

use crate::{
    Federation,
    endpoint::Request as Asked,
    server::membership::{event_request::event_request, send_leave},
};

event_request!("/_matrix/federation/v1/send_leave/{room_id}/{event_id}");

/// Not what is answered: that is a status and a body, an old mistake in the specification.
#[response]
pub struct Response {}

/// Takes in a leave, from servers that do not know the second version of the endpoint
/// (removed from the specification in v1.18 by MSC4376, and still asked for).
pub async fn send_leave(State(federation): State<Federation>, request: Asked<Request>) -> Result<JsonText> {
    let Request { room_id, event_id, event } = request.body;
    send_leave::accept(&federation, &request.origin, &room_id, &event_id, &event).await?;
    Ok(JsonText("[200,{}]".to_owned()))
}
