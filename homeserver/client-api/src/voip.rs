//! `GET /_matrix/client/v3/voip/turnServer` ("Voice over IP")

#[cfg(test)]
mod tests;

use axum::extract::State;
use hearth_turn::Credentials;
use ruma::api::client::voip::get_turn_server_info::v3::Request as GetTurnServer;
use serde_json::{Value, json};

use crate::{ClientApi, EndpointRouter, Json, Request, Result};

/// How long credentials are good, in seconds. A call that began with them goes on.
const LIFETIME_S: u64 = 24 * 60 * 60;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(get_turn_server_info)
}

/// The TURN servers that relay calls, and credentials for them. Clients take an empty object for there being none
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver)).
pub async fn get_turn_server_info(
    State(api): State<ClientApi>,
    request: Request<GetTurnServer>,
) -> Result<Json<Value>> {
    let Some(turn) = &api.options.turn else { return Ok(Json(json!({}))) };
    let ends_at_s = api.now_ms() / 1000 + LIFETIME_S;
    let Credentials { username, password } =
        Credentials::new(turn.secret.as_bytes(), request.who.user.as_str(), ends_at_s);
    Ok(Json(json!({ "username": username, "password": password, "uris": turn.uris, "ttl": LIFETIME_S })))
}
