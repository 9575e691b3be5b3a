//! `POST /livekit/jwt/sfu/get`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use hearth_calls::Participant;
use ruma::{OwnedDeviceId, OwnedRoomId};
use serde::Deserialize;

use super::{asked::OpenIdToken, calls, ticket};
use crate::{ClientApi, Result, Unspecified};

#[derive(Deserialize)]
struct Asked {
    room: OwnedRoomId,
    openid_token: OpenIdToken,
    device_id: OwnedDeviceId,
    delay_id: Option<String>,
}

/// A token for the call of a room. Members know each other by user and device.
pub async fn sfu_get(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    calls(&api)?;
    let asked: Asked = serde_json::from_slice(&request.bytes)?;
    let user = asked.openid_token.user(&api, request.address).await?;
    let participant = Participant::by_device(user, asked.room, &asked.device_id);
    Ok(Json(ticket(&api, &participant, asked.delay_id)?).into_response())
}
