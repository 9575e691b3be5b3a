//! `PUT`, `GET` and `DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`

use axum::extract::State;
use hearth_users::{NewDehydratedDevice, Users};
use ruma::{
    api::client::dehydrated_device::{
        delete_dehydrated_device::unstable as delete, get_dehydrated_device::unstable as get,
        put_dehydrated_device::unstable as put,
    },
    serde::Raw,
};

use crate::{Answer, MatrixError, Request, Result};

/// Puts a device of the user aside, in place of the one before it
/// ([MSC3814](https://github.com/matrix-org/matrix-spec-proposals/pull/3814)).
pub async fn put_dehydrated_device(
    State(users): State<Users>,
    request: Request<put::Request>,
) -> Result<Answer<put::Response>> {
    let Request { body, who, .. } = request;
    let new = NewDehydratedDevice {
        device: &body.device_id,
        display_name: body.initial_device_display_name.as_deref(),
        data: body.device_data.json(),
        identity_keys: &body.device_keys,
        one_time_keys: &body.one_time_keys,
        fallback_keys: &body.fallback_keys,
    };
    users.dehydrated_devices.set(&who.user, new).await?;
    Ok(Answer(put::Response::new(body.device_id)))
}

/// The device that the user has put aside.
pub async fn get_dehydrated_device(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let found = users.dehydrated_devices.get(&request.who.user)?.ok_or_else(none)?;
    Ok(Answer(get::Response::new(found.device, Raw::from_json_string(found.data)?)))
}

/// Deletes it.
pub async fn delete_dehydrated_device(
    State(users): State<Users>,
    request: Request<delete::Request>,
) -> Result<Answer<delete::Response>> {
    let user = &request.who.user;
    let found = users.dehydrated_devices.get(user)?.ok_or_else(none)?;
    users.devices.delete(user, std::slice::from_ref(&found.device)).await?;
    Ok(Answer(delete::Response::new(found.device)))
}

fn none() -> MatrixError {
    MatrixError::not_found("You have no dehydrated device.")
}
