//! `GET /_matrix/key/v2/server/{keyId}`

use axum::extract::State;
use hearth_http::{Json, Result};
use ruma::{
    api::{auth_scheme::NoAuthentication, request, response},
    metadata,
};
use serde_json::Value;

use crate::{Federation, endpoint::Request as Asked};

metadata! {
    method: GET,
    rate_limited: false,
    authentication: NoAuthentication,
    path: "/_matrix/key/v2/server/{key_id}",
}

#[request]
pub struct Request {
    #[ruma_api(path)]
    pub key_id: String,
}

#[response]
pub struct Response {}

/// This server's keys, whichever is asked for: servers from before v1.6 of the specification ask so.
pub async fn get_server_keys(
    State(federation): State<Federation>,
    _request: Asked<Request>,
) -> Result<Json<Value>> {
    Ok(Json(federation.keys().own()))
}
