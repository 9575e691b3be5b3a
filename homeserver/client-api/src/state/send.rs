//! `PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}`

use axum::extract::State;
use hearth_rooms::NewEvent;
use ruma::{
    OwnedEventId, api::client::message::send_message_event::v3::Request as SendMessage,
    events::MessageLikeEventType,
};
use serde::Serialize;
use serde_json::{Map, Value, value::to_raw_value};

use crate::{
    ClientApi, Json, MatrixError, Request, Result,
    delayed_event::send::{Delay, send_later},
    room::access,
    state::{
        redact, shadow,
        sticky::Sticky,
        transaction::{self, transaction},
    },
};

/// Sends a message event
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid)).
pub async fn send_message(State(api): State<ClientApi>, request: Request<SendMessage>) -> Result<Json<Sent>> {
    let Delay { delay } = request.query()?;
    let sticky = request.query::<Sticky>()?.duration()?;
    let Request { body, who, .. } = request;
    let SendMessage { room_id, event_type, txn_id, body, timestamp, .. } = body;
    let room = access::room(&api.rooms, &room_id)?;
    if who.shadow_banned && room.is_joined(&who.user)? {
        return Ok(Json(shadow::pretended(&api, delay.is_some())?));
    }
    let mut event = NewEvent {
        sender: who.user.clone(),
        event_type: event_type.to_string(),
        state_key: None,
        content: body.into_json(),
        redacts: None,
        sticky,
        origin_server_ts: transaction::timestamp(&who, timestamp),
    };
    let transaction = |endpoint: &str| {
        transaction(&who, format!("{endpoint} {} {event_type}", room.nid()), txn_id.as_str())
    };
    if let Some(delay) = delay {
        let delay_id = send_later(&who, &room, event, delay, Some(transaction("delay"))).await?;
        return Ok(Json(Sent::Later { delay_id }));
    }
    if event_type == MessageLikeEventType::RoomRedaction {
        let redacts = take_redacts(&mut event)?;
        redact::may_redact(&who, &room, &redacts)?;
        event.redacts = Some(redacts);
    } else {
        who.not_suspended()?;
    }
    let sent = room.send(event, Some(transaction("send"))).await?;
    api.sync.active(&who.user);
    Ok(Json(Sent::Now { event_id: sent.id().to_owned() }))
}

/// What is told of an event that is sent, or will be.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Sent {
    Now { event_id: OwnedEventId },
    Later { delay_id: String },
}

/// What a redaction sent as a message redacts, out of its content: the room version says where it goes.
pub(crate) fn take_redacts(event: &mut NewEvent) -> Result<OwnedEventId> {
    let mut content: Map<String, Value> = serde_json::from_str(event.content.get())?;
    let redacts = content.remove("redacts");
    let redacts = redacts.ok_or_else(|| MatrixError::missing_param("`redacts` is missing."))?;
    event.content = to_raw_value(&content)?;
    Ok(serde_json::from_value(redacts)?)
}
