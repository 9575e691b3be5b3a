//! `PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}`

use std::{collections::HashSet, sync::Arc};

use axum::extract::State;
use hearth_http::{JsonText, Result};
use hearth_rooms::{Event, Room};
use hearth_spec::{Membership, Pdu};
use hearth_storage::EventNid;
use ruma::{
    EventId, OwnedEventId, OwnedServerName, RoomId, ServerName,
    api::federation::membership::create_join_event::v2::Request as SendJoin,
};
use serde_json::value::RawValue;

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
    let SendJoin { room_id, event_id, pdu, omit_members, .. } = request.body;
    Ok(accept(&federation, &request.origin, &room_id, &event_id, &pdu, omit_members).await?.close())
}

/// Takes in a join, and says what the room is.
pub(super) async fn accept(
    federation: &Federation,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    pdu: &RawValue,
    omit_members: bool,
) -> Result<Object> {
    let room = access::whole_room(federation, origin, room_id)?;
    let join = own_member_event(&room, origin, event_id, pdu, Membership::Join)?;
    let join = verified(federation, authorised(federation, &room, join)?).await?;
    let servers = servers_before(&room, origin)?;
    federation.relay(join.event_id());
    let join = taken_in(federation, &room, join).await?;
    answer(&room, &join, &servers, omit_members)
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

/// The state before the join, with all that it stands on. Where members may be omitted, so are the events that
/// would be told twice.
fn answer(room: &Room, join: &Event, servers: &[OwnedServerName], omit_members: bool) -> Result<Object> {
    let mut state = room.state_before(join)?;
    if omit_members {
        omit(room, join, &mut state)?;
    }
    let told: HashSet<EventNid> = state.iter().map(|event| event.nid).collect();
    let above: Vec<OwnedEventId> = state.iter().map(|event| &**event).chain([join]).map(id_of).collect();
    let mut chain = room.auth_chain(&above)?;
    if omit_members {
        chain.retain(|event| !told.contains(&event.nid));
    }
    let servers = serde_json::to_string(servers)?;
    Ok(Object::new()
        .json("members_omitted", if omit_members { "true" } else { "false" })
        .json("event", join.pdu.text())
        .pdus("state", state.iter().map(|event| &*event.pdu))
        .pdus("auth_chain", chain.iter().map(|event| &*event.pdu))
        .json("servers_in_room", &servers))
}

/// Takes the members out of a state, but for those by whom a room without a name is called.
fn omit(room: &Room, join: &Event, state: &mut Vec<Arc<Event>>) -> Result<()> {
    let summary = room.summary()?;
    let heroes = match summary.name.is_some() || summary.canonical_alias.is_some() {
        true => Vec::new(),
        false => room.members_at(room.head().state, join.pdu.sender())?.heroes,
    };
    state.retain(|event| {
        event.pdu.type_str() != "m.room.member"
            || event.pdu.state_key().is_some_and(|member| heroes.iter().any(|hero| hero == member))
    });
    Ok(())
}

fn id_of(event: &Event) -> OwnedEventId {
    event.id().to_owned()
}
