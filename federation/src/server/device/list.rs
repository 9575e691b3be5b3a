//! `GET /_matrix/federation/v1/user/devices/{userId}`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use ruma::{
    UInt,
    api::federation::device::get_devices::v1::{Request as GetDevices, Response, UserDevice},
};

use crate::{Federation, endpoint::Request};

/// The devices of a user of this server that have keys
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid)).
pub async fn get_devices(
    State(federation): State<Federation>,
    request: Request<GetDevices>,
) -> Result<Answer<Response>> {
    let user = request.body.user_id;
    let users = federation.users();
    if !federation.is_own(user.server_name()) || !users.accounts.exists(&user)? {
        return Err(MatrixError::not_found("There is no such user."));
    }
    let list = users.device_keys.shared_list(&user)?;
    let mut response = Response::new(user, UInt::new_saturating(list.stream_id));
    response.devices = list.devices.into_iter().map(|(device, keys)| UserDevice::new(device, keys)).collect();
    response.master_key = list.master_key;
    response.self_signing_key = list.self_signing_key;
    Ok(Answer(response))
}
