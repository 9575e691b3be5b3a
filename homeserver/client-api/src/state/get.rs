//! `GET /_matrix/client/v3/rooms/{roomId}/state` and
//! `GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`

use axum::extract::State;
use ruma::api::client::state::{
    get_state_event_for_key::v3::{Request as GetStateEvent, StateEventFormat},
    get_state_events::v3::Request as GetState,
};

use crate::{ClientApi, JsonText, MatrixError, Request, Result, room::access, state::events::EventWriter};

/// All state of a room: now, or when the user left
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate)).
pub async fn get_room_state(State(api): State<ClientApi>, request: Request<GetState>) -> Result<JsonText> {
    let readable = access::readable_whole(&api.rooms, &request.who.user, &request.body.room_id).await?;
    let state = readable.room.full_state(readable.state)?;
    let mut out = String::new();
    EventWriter::new(&api, &readable.room, &request.who)?.write_list(&state, &mut out)?;
    Ok(JsonText(out))
}

/// One event of it, or its content
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey)).
pub async fn get_room_state_event(
    State(api): State<ClientApi>,
    request: Request<GetStateEvent>,
) -> Result<JsonText> {
    let Request { body, who, .. } = request;
    let (event_type, key) = (body.event_type.to_string(), &body.state_key);
    let mut readable = access::readable(&api.rooms, &who.user, &body.room_id)?;
    let mut event = readable.room.state_event_at(readable.state, &event_type, key)?;
    if event.is_none() && event_type == "m.room.member" {
        readable = access::readable_whole(&api.rooms, &who.user, &body.room_id).await?;
        event = readable.room.state_event_at(readable.state, &event_type, key)?;
    }
    let event = event.ok_or_else(|| MatrixError::not_found("The room has no such state."))?;
    match body.format {
        StateEventFormat::Content => Ok(JsonText(event.pdu.content_str().to_owned())),
        StateEventFormat::Event => {
            let mut out = String::new();
            EventWriter::new(&api, &readable.room, &who)?.write(&event, &mut out)?;
            Ok(JsonText(out))
        }
        _ => Err(MatrixError::invalid_param("`format` is content or event.")),
    }
}
