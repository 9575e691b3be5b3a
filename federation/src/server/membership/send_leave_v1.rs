//! `PUT /_matrix/federation/v1/send_leave/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use ruma::{
    OwnedEventId, OwnedRoomId,
    api::{federation::authentication::ServerSignatures, request, response},
    metadata,
};
use serde_json::value::RawValue;

use crate::{Federation, endpoint::Request as Asked, server::membership::send_leave};

metadata! {
    method: PUT,
    rate_limited: false,
    authentication: ServerSignatures,
    path: "/_matrix/federation/v1/send_leave/{room_id}/{event_id}",
}

#[request]
pub struct Request {
    #[ruma_api(path)]
    pub room_id: OwnedRoomId,
    #[ruma_api(path)]
    pub event_id: OwnedEventId,
    #[ruma_api(body)]
    pub pdu: Box<RawValue>,
}

/// Not what is answered: that is a status and a body, an old mistake in the specification.
#[response]
pub struct Response {}

/// Takes in a leave, from servers that do not know the second version of the endpoint
/// (removed from the specification in v1.18 by MSC4376, and still asked for).
pub async fn send_leave(State(federation): State<Federation>, request: Asked<Request>) -> Result<JsonText> {
    let Request { room_id, event_id, pdu } = request.body;
    send_leave::accept(&federation, &request.origin, &room_id, &event_id, &pdu).await?;
    Ok(JsonText("[200,{}]".to_owned()))
}
