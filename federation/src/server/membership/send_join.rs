//! `PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, Result};
use hearth_rooms::{Event, Room};
use hearth_spec::{Membership, Pdu};
use ruma::{
    OwnedEventId, OwnedServerName, ServerName,
    api::federation::membership::create_join_event::v2::Request as SendJoin,
};

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::{
            make_join,
            submitted::{authoriser, own_member_event, signed, taken_in, verified},
        },
        pdus::Object,
    },
};

/// Takes in a join, and hands out the room
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid)).
pub async fn send_join(State(federation): State<Federation>, request: Request<SendJoin>) -> Result<JsonText> {
    let SendJoin { room_id, event_id, pdu, .. } = request.body;
    let origin = &request.origin;
    let room = access::live_room(&federation, origin, &room_id)?;
    let join = own_member_event(&room, origin, &event_id, &pdu, Membership::Join)?;
    let join = verified(&federation, authorised(&federation, &room, join)?).await?;
    let servers = servers_before(&room, origin)?;
    federation.relay(join.event_id());
    let join = taken_in(&federation, &room, join).await?;
    answer(&room, &join, &servers)
}

/// The join with this server's signature, where one of its users is to vouch for it: if they still would.
fn authorised(federation: &Federation, room: &Room, join: Pdu) -> Result<Pdu> {
    let Some(authoriser) = authoriser(&join) else { return Ok(join) };
    if !federation.is_own(authoriser.server_name()) {
        return Ok(join);
    }
    make_join::authoriser(federation, room, join.sender())?;
    signed(federation, &join)
}

/// The servers in the room, before the join.
fn servers_before(room: &Room, origin: &ServerName) -> Result<Vec<OwnedServerName>> {
    let had = room.has_server(origin)?;
    let servers = room.servers()?.into_iter();
    Ok(servers.filter(|server| had || server != origin).collect())
}

fn answer(room: &Room, join: &Event, servers: &[OwnedServerName]) -> Result<JsonText> {
    let state = room.state_before(join)?;
    let above: Vec<OwnedEventId> = state.iter().map(|event| event.id().to_owned()).collect();
    let chain = room.auth_chain(&above)?;
    let servers = serde_json::to_string(servers)?;
    Ok(Object::new()
        .json("members_omitted", "false")
        .json("event", join.pdu.text())
        .pdus("state", state.iter().map(|event| &*event.pdu))
        .pdus("auth_chain", chain.iter().map(|event| &*event.pdu))
        .json("servers_in_room", &servers)
        .close())
}
