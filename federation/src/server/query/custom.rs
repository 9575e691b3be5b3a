//! `GET /_matrix/federation/v1/query/{queryType}`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use ruma::api::federation::query::get_custom_information::v1::{Request as Query, Response};

use crate::{Federation, endpoint::Request};

/// Any query that the specification does not know: this server answers none
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryquerytype)).
pub async fn query(_: State<Federation>, request: Request<Query>) -> Result<Answer<Response>> {
    Err(MatrixError::not_found(format!("This server answers no query {:?}.", request.body.query_type)))
}
