//! `POST /_matrix/client/v3/keys/device_signing/upload` and `POST /_matrix/client/v3/keys/signatures/upload`

use axum::extract::State;
use hearth_users::CrossSigningUpload;
use ruma::api::client::keys::{upload_signatures::v3 as signatures, upload_signing_keys::v3 as signing_keys};
use serde_json::{Value, json};

use crate::{Answer, ClientApi, Json, Request, Result, uia};

/// Publishes cross-signing keys. The first time a token is enough; to replace them takes the password
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload)).
pub async fn upload_signing_keys(
    State(api): State<ClientApi>,
    request: Request<signing_keys::Request>,
) -> Result<Answer<signing_keys::Response>> {
    let user = request.who.user.clone();
    if !api.users.cross_signing.upload(&user, &upload(&request.body), false).await? {
        let until = api.users.restrictions.get(&user)?.keys_replaceable_until;
        if until.is_none_or(|until| until <= api.now_ms()) {
            uia::confirm(&api, &request, &user, "upload_signing_keys").await?;
        }
        api.users.cross_signing.upload(&user, &upload(&request.body), true).await?;
    }
    Ok(Answer(signing_keys::Response::new()))
}

fn upload(body: &signing_keys::Request) -> CrossSigningUpload {
    CrossSigningUpload {
        master_key: body.master_key.clone(),
        self_signing_key: body.self_signing_key.clone(),
        user_signing_key: body.user_signing_key.clone(),
    }
}

/// Publishes signatures on keys
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload)).
pub async fn upload_signatures(
    State(api): State<ClientApi>,
    request: Request<signatures::Request>,
) -> Result<Json<Value>> {
    let signed = &request.body.signed_keys;
    // What is signed of users of other servers, those know.
    let owners = signed.keys().map(|owner| (owner.clone(), Vec::new())).collect();
    let told = api.federation.query_keys(owners, None).await;
    for (owner, key) in &told.keys.master_keys {
        if let Err(error) = api.users.cross_signing.keep_remote_master_key(owner, key).await {
            tracing::debug!(%owner, %error, "a master key of another server was not kept");
        }
    }
    let failures = api.users.cross_signing.upload_signatures(&request.who.user, signed).await?;
    Ok(Json(json!({ "failures": failures })))
}
