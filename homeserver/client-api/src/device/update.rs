//! `PUT /_matrix/client/v3/devices/{deviceId}`

use axum::{extract::State, response::IntoResponse as _};
use hearth_users::Users;
use http::StatusCode;
use ruma::api::client::device::update_device::v3::Request as UpdateDevice;
use serde_json::json;

use crate::{MatrixError, Request, Result};

/// How long a device's name may be, in bytes.
const MAX_NAME: usize = 256;

/// Names a device; an application service also makes one so, and gets 201 for it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid)).
pub async fn update_device(
    State(users): State<Users>,
    request: Request<UpdateDevice>,
) -> Result<axum::response::Response> {
    let (user, device) = (&request.who.user, &request.body.device_id);
    match &request.body.display_name {
        Some(name) if name.len() > MAX_NAME => {
            return Err(MatrixError::invalid_param("The name is too long."));
        }
        name if request.who.service().is_some() && users.devices.get(user, device)?.is_none() => {
            users.devices.create(user, device, name.as_deref()).await?;
            return Ok((StatusCode::CREATED, axum::Json(json!({}))).into_response());
        }
        Some(name) => users.devices.set_display_name(user, device, Some(name)).await?,
        // Nothing is to change, which still has to be said of a device that is there.
        None if users.devices.get(user, device)?.is_none() => {
            return Err(MatrixError::not_found("You have no such device."));
        }
        None => {}
    }
    Ok(axum::Json(json!({})).into_response())
}
