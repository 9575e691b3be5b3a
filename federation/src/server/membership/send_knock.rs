//! `PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use hearth_spec::Membership;
use ruma::api::federation::membership::create_knock_event::v1::Request as SendKnock;

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::{
            invite_state,
            submitted::{own_member_event, taken_in, verified},
        },
        pdus::Object,
    },
};

/// Takes in a knock, and tells which room it is
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid)).
pub async fn send_knock(
    State(federation): State<Federation>,
    request: Request<SendKnock>,
) -> Result<JsonText> {
    let SendKnock { room_id, event_id, pdu, .. } = request.body;
    let room = access::whole_room(&federation, &request.origin, &room_id)?;
    let knock = own_member_event(&room, &request.origin, &event_id, &pdu, Membership::Knock)?;
    let knock = verified(&federation, knock).await?;
    federation.relay(knock.event_id());
    taken_in(&federation, &room, knock).await?;
    let state = invite_state::of(&room)?;
    Ok(Object::new().pdus("knock_room_state", state.iter().map(|event| &*event.pdu)).close())
}
