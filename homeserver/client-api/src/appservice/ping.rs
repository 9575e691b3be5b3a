//! `POST /_matrix/client/v1/appservice/{appserviceId}/ping`

use axum::extract::State;
use hearth_appservices::{AppServices, AskError};
use http::StatusCode;
use ruma::api::client::appservice::request_ping::v1::{Request as Ping, Response};

use crate::{Answer, MatrixError, Request, Result};

/// Pings the service that asks for it
/// ([spec](https://spec.matrix.org/v1.19/application-service-api/#post_matrixclientv1appserviceappserviceidping)).
pub async fn ping_appservice(
    State(services): State<AppServices>,
    request: Request<Ping>,
) -> Result<Answer<Response>> {
    let service = &request.who;
    if service.id != request.body.appservice_id {
        return Err(MatrixError::forbidden("A service may ping itself only."));
    }
    let id = request.body.transaction_id.as_ref().map(|id| id.as_str());
    let duration = services.ping(service, id).await.map_err(not_reached)?;
    Ok(Answer(Response::new(duration)))
}

/// Why a service did not answer.
pub(crate) fn not_reached(error: AskError) -> MatrixError {
    let message = error.to_string();
    match error {
        AskError::NoUrl => MatrixError::new(StatusCode::BAD_REQUEST, "M_URL_NOT_SET", message),
        AskError::Refused { status, body } => {
            let refused = MatrixError::new(StatusCode::BAD_GATEWAY, "M_BAD_STATUS", "The ping was refused.");
            refused.with("status", status).with("body", body)
        }
        AskError::TimedOut => MatrixError::new(StatusCode::GATEWAY_TIMEOUT, "M_CONNECTION_TIMEOUT", message),
        AskError::Connect(_) | AskError::Exchange(_) => {
            MatrixError::new(StatusCode::BAD_GATEWAY, "M_CONNECTION_FAILED", message)
        }
    }
}
