//! `POST /livekit/jwt/get_token`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{asked::Membership, calls, ticket};
use crate::{ClientApi, Result, Unspecified};

#[derive(Deserialize)]
struct Asked {
    #[serde(flatten)]
    membership: Membership,
    delay_id: Option<String>,
}

/// A token for a slot of a room's calls. Members know each other by a name that says nothing to the SFU.
pub async fn get_token(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    calls(&api)?;
    let asked: Asked = serde_json::from_slice(&request.bytes)?;
    let participant = asked.membership.participant(&api, request.address).await?;
    Ok(Json(ticket(&api, &participant, asked.delay_id)?).into_response())
}
