//! `PUT /_matrix/federation/v1/3pid/onbind`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use ruma::api::federation::thirdparty::bind_callback::v1::{Request as OnBind, Response};

use crate::{Federation, endpoint::Request};

/// Where an identity server tells of a user who has now bound an address. This server works with none, so
/// nobody has bound one through it
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv13pidonbind)).
pub async fn on_bind(_: State<Federation>, _request: Request<OnBind>) -> Result<Answer<Response>> {
    Err(MatrixError::forbidden("This server works with no identity server."))
}
