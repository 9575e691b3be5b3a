//! `POST /_matrix/client/v3/keys/upload`

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::keys::upload_keys::v3::{Request as UploadKeys, Response};

use crate::{Answer, Request, Result};

/// Publishes a device's identity keys, one-time keys and fallback keys
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload)).
pub async fn upload_keys(
    State(users): State<Users>,
    request: Request<UploadKeys>,
) -> Result<Answer<Response>> {
    request.who.on_a_device()?;
    let UploadKeys { device_keys, one_time_keys, fallback_keys, .. } = request.body;
    let counts = users
        .device_keys
        .upload(&request.who.user, &request.who.device, device_keys.as_ref(), &one_time_keys, &fallback_keys)
        .await?;
    Ok(Answer(Response::new(counts.one_time_keys.clone())))
}
