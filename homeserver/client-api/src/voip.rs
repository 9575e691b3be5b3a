//! `GET /_matrix/client/v3/voip/turnServer` ("Voice over IP")

use axum::extract::State;
use ruma::api::client::voip::get_turn_server_info::v3::Request as GetTurnServer;
use serde_json::{Value, json};

use crate::{ClientApi, EndpointRouter, Json, Request, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(get_turn_server_info)
}

/// Where to find a TURN server. This server has none, which clients take an empty object for
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver)).
pub async fn get_turn_server_info(
    State(_): State<ClientApi>,
    _request: Request<GetTurnServer>,
) -> Result<Json<Value>> {
    Ok(Json(json!({})))
}
