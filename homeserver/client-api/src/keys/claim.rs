//! `POST /_matrix/client/v3/keys/claim`

use axum::extract::State;
use ruma::api::client::keys::claim_keys::v3::Request as ClaimKeys;
use serde_json::{Value, json};

use crate::{ClientApi, Json, Request, Result, keys::failures};

/// Takes one-time keys of devices
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim)).
pub async fn claim_keys(State(api): State<ClientApi>, request: Request<ClaimKeys>) -> Result<Json<Value>> {
    let ClaimKeys { one_time_keys: wanted, timeout, .. } = request.body;
    let mut claimed = api.users.device_keys.claim(&wanted).await?;
    let remote = api.federation.claim_keys(wanted, timeout).await;
    claimed.extend(remote.one_time_keys);
    Ok(Json(json!({ "one_time_keys": claimed, "failures": failures(remote.failures) })))
}
