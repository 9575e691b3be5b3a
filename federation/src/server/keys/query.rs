//! `POST /_matrix/federation/v1/user/keys/query`

use axum::extract::State;
use hearth_http::{Answer, Result};
use ruma::api::federation::keys::get_keys::v1::{Request as GetKeys, Response};

use crate::{Federation, endpoint::Request, server::keys::own_users};

/// Identity keys of devices of this server's users, and the cross-signing keys that others may see
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery)).
pub async fn get_keys(
    State(federation): State<Federation>,
    request: Request<GetKeys>,
) -> Result<Answer<Response>> {
    let mut wanted = request.body.device_keys;
    own_users(&federation, &mut wanted)?;
    let found = federation.users().device_keys.query(None, &wanted)?;
    let mut response = Response::new(found.device_keys);
    response.master_keys = found.master_keys;
    response.self_signing_keys = found.self_signing_keys;
    Ok(Answer(response))
}
