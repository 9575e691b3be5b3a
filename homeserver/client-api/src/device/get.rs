//! `GET /_matrix/client/v3/devices` and `GET /_matrix/client/v3/devices/{deviceId}`

use axum::extract::State;
use hearth_users::Users;
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::client::device::{Device, get_device::v3 as one, get_devices::v3 as all},
};

use crate::{Answer, MatrixError, Request, Result};

/// The user's devices
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices)).
pub async fn get_devices(
    State(users): State<Users>,
    request: Request<all::Request>,
) -> Result<Answer<all::Response>> {
    let devices = users.devices.list(&request.who.user)?;
    Ok(Answer(all::Response::new(devices.into_iter().map(described).collect())))
}

/// One of the user's devices
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid)).
pub async fn get_device(
    State(users): State<Users>,
    request: Request<one::Request>,
) -> Result<Answer<one::Response>> {
    let device = users.devices.get(&request.who.user, &request.body.device_id)?;
    let device = device.ok_or_else(|| MatrixError::not_found("You have no such device."))?;
    Ok(Answer(one::Response::new(described(device))))
}

fn described(device: hearth_users::Device) -> Device {
    let mut described = Device::new(device.id);
    described.display_name = device.display_name;
    described.last_seen_ip = device.last_seen_ip;
    described.last_seen_ts = device.last_seen_at.and_then(UInt::new).map(MilliSecondsSinceUnixEpoch);
    described
}
