//! `POST /livekit/jwt/delegate_delayed_leave`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{asked::Membership, calls, take_over_leave};
use crate::{ClientApi, Result, Unspecified};

#[derive(Deserialize)]
struct Asked {
    #[serde(flatten)]
    membership: Membership,
    delay_id: String,
}

/// Takes over the delayed event by which a member leaves a call.
pub async fn delegate_delayed_leave(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    calls(&api)?;
    let asked: Asked = serde_json::from_slice(&request.bytes)?;
    let participant = asked.membership.participant(&api, request.address).await?;
    take_over_leave(&api, &participant, asked.delay_id)?;
    Ok(Json(json!({})).into_response())
}
