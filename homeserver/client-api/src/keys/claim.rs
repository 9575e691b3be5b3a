//! `POST /_matrix/client/v3/keys/claim`

use axum::extract::State;
use ruma::api::client::keys::claim_keys::v3::Request as ClaimKeys;
use serde_json::{Value, json};

use crate::{ClientApi, Json, Request, Result, keys::failures};

/// Takes one-time keys of devices
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim)).
pub async fn claim_keys(State(api): State<ClientApi>, request: Request<ClaimKeys>) -> Result<Json<Value>> {
    let wanted = &request.body.one_time_keys;
    let claimed = api.users.device_keys.claim(wanted).await?;
    Ok(Json(json!({
        "one_time_keys": claimed,
        "failures": failures(wanted.keys(), &api.options.server_name),
    })))
}
