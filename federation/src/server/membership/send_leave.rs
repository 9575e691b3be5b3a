//! `PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{Answer, Result};
use hearth_spec::Membership;
use ruma::{
    EventId, RoomId, ServerName,
    api::federation::membership::create_leave_event::v2::{Request as SendLeave, Response},
};
use serde_json::value::RawValue;

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::submitted::{own_member_event, taken_in, verified},
    },
};

/// Takes in a leave
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid)).
pub async fn send_leave(
    State(federation): State<Federation>,
    request: Request<SendLeave>,
) -> Result<Answer<Response>> {
    let SendLeave { room_id, event_id, pdu, .. } = request.body;
    accept(&federation, &request.origin, &room_id, &event_id, &pdu).await?;
    Ok(Answer(Response::new()))
}

/// Takes in a leave.
pub(super) async fn accept(
    federation: &Federation,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    pdu: &RawValue,
) -> Result<()> {
    let room = access::live_room(federation, origin, room_id)?;
    let leave = own_member_event(&room, origin, event_id, pdu, Membership::Leave)?;
    let leave = verified(federation, leave).await?;
    federation.relay(leave.event_id());
    taken_in(federation, &room, leave).await?;
    Ok(())
}
