//! `GET /_matrix/client/v3/account/whoami`

use axum::extract::State;
use ruma::api::client::account::whoami::v3::{Request as WhoAmI, Response};

use crate::{Answer, ClientApi, Request, Result};

/// Whose token it is
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami)).
pub async fn whoami(State(_): State<ClientApi>, request: Request<WhoAmI>) -> Result<Answer<Response>> {
    let mut response = Response::new(request.who.user.clone(), request.who.guest());
    // A service may act on no device.
    response.device_id = Some(request.who.device.clone()).filter(|device| !device.as_str().is_empty());
    Ok(Answer(response))
}
