//! `PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::{Event, NewEvent, Room};
use ruma::{UserId, api::client::state::send_state_event::v3::Request as SendState, events::StateEventType};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    ClientApi, Json, MatrixError, Request, Requester, Result,
    delayed_event::send::{Delay, send_later},
    membership::{guests, invite, join},
    room::{access, named::Named},
    state::{canonical_alias, send::Sent, shadow, sticky::Sticky, transaction},
};

/// Sends a state event
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey)).
pub async fn set_room_state(State(api): State<ClientApi>, request: Request<SendState>) -> Result<Json<Sent>> {
    let Delay { delay } = request.query()?;
    let sticky = request.query::<Sticky>()?.duration()?;
    let Request { body, who, .. } = request;
    let SendState { room_id, event_type, state_key, body, timestamp, .. } = body;
    let timestamp = transaction::timestamp(&who, timestamp);
    let room = access::room(&api.rooms, &room_id)?;
    let content = body.into_json();
    let of_oneself = event_type == StateEventType::RoomMember && state_key == who.user.as_str();
    if who.shadow_banned && !of_oneself && room.is_joined(&who.user)? {
        return Ok(Json(shadow::pretended(&api, delay.is_some())?));
    }
    if let Some(delay) = delay {
        let event = NewEvent::state(&who.user, &event_type.to_string(), &state_key, content);
        let event = NewEvent { sticky, ..event };
        let delay_id = send_later(&who, &room, event, delay, None).await?;
        return Ok(Json(Sent::Later { delay_id }));
    }
    let event = if event_type == StateEventType::RoomMember {
        set_member(&api, &who, &room, &state_key, content, timestamp).await?
    } else {
        who.not_suspended()?;
        if event_type == StateEventType::RoomCanonicalAlias {
            canonical_alias::check(&api, &who.user, &room, &content).await?;
        }
        let event = NewEvent::state(&who.user, &event_type.to_string(), &state_key, content);
        room.send(NewEvent { origin_server_ts: timestamp, sticky, ..event }, None).await?
    };
    if event_type == StateEventType::RoomGuestAccess {
        guests::turn_out(&api, &room).await?;
    }
    api.sync.active(&who.user);
    Ok(Json(Sent::Now { event_id: event.id().to_owned() }))
}

/// Changes a membership by its event: the same rules as by the endpoints for it.
async fn set_member(
    api: &ClientApi,
    who: &Requester,
    room: &Room,
    member: &str,
    content: Box<RawValue>,
    timestamp: Option<u64>,
) -> Result<Arc<Event>> {
    let mut fields: Map<String, Value> = serde_json::from_str(content.get())?;
    let membership = fields.get("membership").and_then(Value::as_str).unwrap_or_default();
    let own = who.user == member;
    if !(own && membership == "leave") {
        who.not_suspended()?;
    }
    match membership {
        "join" if own && !room.is_joined(&who.user)? => {
            // Who authorises the join is not for the client to say.
            fields.remove("join_authorised_via_users_server");
            let named = Named { id: room.id().to_owned(), via: Vec::new() };
            join::enter(api, who, &named, fields).await?;
            return current(room, member);
        }
        "invite" => {
            if !room.is_joined(&who.user)? {
                return Err(access::not_in_room());
            }
            let invitee = UserId::parse(member);
            let invitee = invitee.map_err(|_| MatrixError::invalid_param("The state key is no user id."))?;
            invite::invite(api, room, &who.user, &invitee, fields).await?;
            return current(room, member);
        }
        _ => {}
    }
    let event = NewEvent::state(&who.user, "m.room.member", member, content);
    Ok(room.send(NewEvent { origin_server_ts: timestamp, ..event }, None).await?)
}

/// The member event that was just sent.
fn current(room: &Room, member: &str) -> Result<Arc<Event>> {
    let event = room.state_event("m.room.member", member)?;
    event.ok_or_else(|| MatrixError::internal("The membership changed at once."))
}
