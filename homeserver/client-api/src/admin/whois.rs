//! `GET /_matrix/client/v3/admin/whois/{userId}`

use std::collections::BTreeMap;

use axum::extract::State;
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt, UserId,
    api::client::admin::get_user_info::v3::{
        ConnectionInfo, DeviceInfo, Request as WhoIs, Response, SessionInfo,
    },
};

use crate::{Answer, ClientApi, MatrixError, Request, Result};

/// Where from a user was seen last: for administrators and the user
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3adminwhoisuserid)).
pub async fn get_user_info(
    State(api): State<ClientApi>,
    request: Request<WhoIs>,
) -> Result<Answer<Response>> {
    let user = &request.body.user_id;
    request.who.is(user).or_else(|_| request.who.is_admin())?;
    if !api.users.accounts.exists(user)? {
        return Err(MatrixError::not_found("There is no such user."));
    }
    let mut response = Response::new();
    response.devices = connections(&api, user)?;
    response.user_id = Some(request.body.user_id);
    Ok(Answer(response))
}

/// Where each device of a user was seen last.
pub(crate) fn connections(api: &ClientApi, user: &UserId) -> Result<BTreeMap<String, DeviceInfo>> {
    let mut devices = BTreeMap::new();
    for device in api.users.devices.list(user)? {
        let mut connection = ConnectionInfo::new();
        connection.ip = device.last_seen_ip;
        connection.last_seen = device.last_seen_at.and_then(UInt::new).map(MilliSecondsSinceUnixEpoch);
        let mut session = SessionInfo::new();
        session.connections = vec![connection];
        let mut info = DeviceInfo::new();
        info.sessions = vec![session];
        devices.insert(device.id.to_string(), info);
    }
    Ok(devices)
}
