//! `POST /_matrix/client/v3/keys/query`

use axum::extract::State;
use ruma::api::client::keys::get_keys::v3::Request as GetKeys;
use serde_json::{Value, json};

use crate::{ClientApi, Json, Request, Result, keys::failures};

/// Devices' identity keys and users' cross-signing keys
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery)).
pub async fn get_keys(State(api): State<ClientApi>, request: Request<GetKeys>) -> Result<Json<Value>> {
    let wanted = &request.body.device_keys;
    let found = api.users.device_keys.query(Some(&request.who.user), wanted)?;
    // All of them, empty or not: there are clients that take a missing one for an error.
    Ok(Json(json!({
        "device_keys": found.device_keys,
        "master_keys": found.master_keys,
        "self_signing_keys": found.self_signing_keys,
        "user_signing_keys": found.user_signing_keys,
        "failures": failures(wanted.keys(), &api.options.server_name),
    })))
}
