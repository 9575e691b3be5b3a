//! `GET /_matrix/federation/v1/version`

use axum::extract::State;
use hearth_http::{Answer, Result};
use ruma::api::federation::discovery::get_server_version::v1::{Request as GetVersion, Response, Server};

use crate::{Federation, endpoint::Request};

/// Which implementation this is
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version)).
pub async fn get_server_version(
    _: State<Federation>,
    _request: Request<GetVersion>,
) -> Result<Answer<Response>> {
    let mut server = Server::new();
    server.name = Some("Hearth".to_owned());
    server.version = Some(env!("CARGO_PKG_VERSION").to_owned());
    let mut response = Response::new();
    response.server = Some(server);
    Ok(Answer(response))
}
