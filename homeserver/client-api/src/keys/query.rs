//! `POST /_matrix/client/v3/keys/query`

use axum::extract::State;
use ruma::api::client::keys::get_keys::v3::Request as GetKeys;
use serde_json::{Value, json};

use crate::{ClientApi, Json, Request, Result, keys::failures};

/// Devices' identity keys and users' cross-signing keys
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery)).
pub async fn get_keys(State(api): State<ClientApi>, request: Request<GetKeys>) -> Result<Json<Value>> {
    let GetKeys { device_keys: mut wanted, timeout, .. } = request.body;
    let user = &request.who.user;
    let remote = api.federation.query_keys(wanted.clone(), timeout).await;
    wanted.retain(|owner, _| api.federation.is_own(owner.server_name()));
    let mut found = api.users.device_keys.query(Some(user), &wanted)?;
    found.device_keys.extend(remote.keys.device_keys);
    for (owner, key) in remote.keys.master_keys {
        match api.users.device_keys.with_own_signatures(user, &owner, &key) {
            Ok(key) => drop(found.master_keys.insert(owner, key)),
            // Nonsense of another server's keeps nobody from the keys of the others.
            Err(error) => tracing::debug!(%owner, %error, "a master key of another server is passed over"),
        }
    }
    found.self_signing_keys.extend(remote.keys.self_signing_keys);
    // All of them, empty or not: there are clients that take a missing one for an error.
    Ok(Json(json!({
        "device_keys": found.device_keys,
        "master_keys": found.master_keys,
        "self_signing_keys": found.self_signing_keys,
        "user_signing_keys": found.user_signing_keys,
        "failures": failures(remote.failures),
    })))
}
