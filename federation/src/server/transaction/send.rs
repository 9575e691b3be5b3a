//! `PUT /_matrix/federation/v1/send/{txnId}`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use ruma::api::federation::transactions::send_transaction_message::v1::{Request as Send, Response};

use crate::{Federation, endpoint::Request};

/// Takes in what another server sends
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid)).
pub async fn send_transaction(
    State(federation): State<Federation>,
    request: Request<Send>,
) -> Result<Answer<Response>> {
    if request.body.origin != request.origin {
        return Err(MatrixError::forbidden(
            "The transaction is of another server than the one that signed it.",
        ));
    }
    Ok(Answer(federation.transaction(&request.origin, request.body).await?))
}
