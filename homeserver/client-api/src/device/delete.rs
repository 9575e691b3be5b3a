//! `DELETE /_matrix/client/v3/devices/{deviceId}` and `POST /_matrix/client/v3/delete_devices`

use axum::extract::State;
use ruma::api::client::device::{delete_device::v3 as one, delete_devices::v3 as many};

use crate::{Answer, ClientApi, Request, Result, uia};

/// Deletes a device and ends its session
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid)).
pub async fn delete_device(
    State(api): State<ClientApi>,
    request: Request<one::Request>,
) -> Result<Answer<one::Response>> {
    let user = request.who.user.clone();
    let operation = format!("delete_device {}", request.body.device_id);
    uia::confirm(&api, &request, &user, &operation).await?;
    api.users.devices.delete(&user, &[request.body.device_id]).await?;
    Ok(Answer(one::Response::new()))
}

/// Deletes several
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices)).
pub async fn delete_devices(
    State(api): State<ClientApi>,
    request: Request<many::Request>,
) -> Result<Answer<many::Response>> {
    let user = request.who.user.clone();
    uia::confirm(&api, &request, &user, "delete_devices").await?;
    api.users.devices.delete(&user, &request.body.devices).await?;
    Ok(Answer(many::Response::new()))
}
