//! `PUT /_matrix/federation/v1/invite/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{Answer, Result};
use hearth_spec::{Membership, RoomVersion};
use ruma::api::{federation::membership::RawStrippedState, response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Federation,
    endpoint::Request as Asked,
    joining::raw,
    server::membership::{
        event_request::event_request,
        invite::accept,
        submitted::{invalid, member_event},
    },
};

event_request!("/_matrix/federation/v1/invite/{room_id}/{event_id}");

#[response]
pub struct Response {
    /// The status and a body: an old mistake in the specification.
    #[ruma_api(body)]
    pub answer: (u16, Signed),
}

/// The invite with the signature of the invited user's server.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Signed {
    pub event: Box<RawValue>,
}

/// Takes in an invite to a room of version 1 or 2, whose events are the same in form
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1inviteroomideventid)).
pub async fn invite(
    State(federation): State<Federation>,
    request: Asked<Request>,
) -> Result<Answer<Response>> {
    let Request { room_id, event_id, event } = request.body;
    let known = federation.rooms().find_room(&room_id)?.map(|room| room.version());
    let version = known.unwrap_or(RoomVersion::V1);
    if version > RoomVersion::V2 {
        return Err(invalid("Invites to that room come to the second version of this endpoint."));
    }
    let invite = member_event(version, &room_id, &event_id, &event, Membership::Invite)?;
    let signed = accept(&federation, &request.origin, invite, &came_with(&event)).await?;
    Ok(Answer(Response { answer: (200, Signed { event: raw(&signed)? }) }))
}

/// The stripped state in the `unsigned` of an invite.
fn came_with(event: &RawValue) -> Vec<RawStrippedState> {
    #[derive(Deserialize)]
    struct Event {
        unsigned: Unsigned,
    }
    #[derive(Deserialize)]
    struct Unsigned {
        invite_room_state: Vec<RawStrippedState>,
    }
    let event: Option<Event> = serde_json::from_str(event.get()).ok();
    event.map(|event| event.unsigned.invite_room_state).unwrap_or_default()
}
