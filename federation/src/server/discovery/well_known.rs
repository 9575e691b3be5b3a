//! `GET /.well-known/matrix/server`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use ruma::api::federation::discovery::discover_homeserver::{Request as DiscoverHomeserver, Response};

use crate::{Federation, endpoint::Request};

/// Where other servers reach this one, if it was told
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver)).
pub async fn discover_homeserver(
    State(federation): State<Federation>,
    _request: Request<DiscoverHomeserver>,
) -> Result<Answer<Response>> {
    let address = federation.options().public_address.clone();
    let address = address.ok_or_else(|| MatrixError::not_found("This server was not told its address."))?;
    Ok(Answer(Response::new(address)))
}
