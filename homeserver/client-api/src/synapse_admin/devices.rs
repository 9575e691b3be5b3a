//! The devices of a user ([documentation](https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html)).

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use hearth_users::Device;
use http::StatusCode;
use ruma::{OwnedDeviceId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{AdminRequest, existing_user, told},
};

fn described(user: &UserId, device: &Device) -> Value {
    json!({
        "device_id": device.id,
        "display_name": device.display_name,
        "last_seen_ip": device.last_seen_ip,
        "last_seen_ts": device.last_seen_at,
        "last_seen_user_agent": null,
        "user_id": user,
        "dehydrated": false,
    })
}

/// `GET /_synapse/admin/v2/users/{userId}/devices`
pub async fn list(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let devices: Vec<Value> =
        api.users.devices.list(&user)?.iter().map(|device| described(&user, device)).collect();
    Ok(told(json!({ "total": devices.len(), "devices": devices })))
}

/// `POST /_synapse/admin/v2/users/{userId}/devices`: makes one, of which nobody has a token yet.
pub async fn create(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        device_id: OwnedDeviceId,
    }
    let user = existing_user(&api, &request)?;
    let Body { device_id } = request.body()?;
    if api.users.devices.get(&user, &device_id)?.is_none() {
        api.users.sessions.create(&user, Some(&device_id), None, false).await?;
    }
    Ok((StatusCode::CREATED, told(json!({}))).into_response())
}

/// `POST /_synapse/admin/v2/users/{userId}/delete_devices`
pub async fn delete_some(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        devices: Vec<OwnedDeviceId>,
    }
    let user = existing_user(&api, &request)?;
    let Body { devices } = request.body()?;
    api.users.devices.delete(&user, &devices).await?;
    Ok(told(json!({})))
}

/// `GET /_synapse/admin/v2/users/{userId}/devices/{deviceId}`
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let device = api.users.devices.get(&user, &device_id(&request))?;
    let device = device.ok_or_else(|| MatrixError::not_found("There is no such device."))?;
    Ok(told(described(&user, &device)))
}

/// `PUT /_synapse/admin/v2/users/{userId}/devices/{deviceId}`
pub async fn rename(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        display_name: Option<String>,
    }
    let user = existing_user(&api, &request)?;
    let Body { display_name } = request.body()?;
    api.users.devices.set_display_name(&user, &device_id(&request), display_name.as_deref()).await?;
    Ok(told(json!({})))
}

/// `DELETE /_synapse/admin/v2/users/{userId}/devices/{deviceId}`
pub async fn delete(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    api.users.devices.delete(&user, &[device_id(&request)]).await?;
    Ok(told(json!({})))
}

fn device_id(request: &AdminRequest) -> OwnedDeviceId {
    request.text(1).into()
}
