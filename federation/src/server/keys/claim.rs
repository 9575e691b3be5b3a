//! `POST /_matrix/federation/v1/user/keys/claim`

use axum::extract::State;
use hearth_http::{Answer, Result};
use ruma::api::federation::keys::claim_keys::v1::{Request as ClaimKeys, Response};

use crate::{Federation, endpoint::Request, server::keys::own_users};

/// Takes one-time keys of devices of this server's users
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim)).
pub async fn claim_keys(
    State(federation): State<Federation>,
    request: Request<ClaimKeys>,
) -> Result<Answer<Response>> {
    let mut wanted = request.body.one_time_keys;
    own_users(&federation, &mut wanted)?;
    Ok(Answer(Response::new(federation.users().device_keys.claim(&wanted).await?)))
}
