//! The service that registers or logs in one of its users.

use std::sync::Arc;

use hearth_appservices::Service;
use http::StatusCode;
use ruma::api::{IncomingRequest, auth_scheme::AppserviceTokenOptional};

use crate::{MatrixError, Request, Result};

/// The service whose token came with a request that needs one.
pub(crate) fn of<R>(request: &Request<R>) -> Result<Arc<Service>>
where
    R: IncomingRequest<Authentication = AppserviceTokenOptional>,
{
    match &request.who {
        Some(service) => Ok(service.clone()),
        None if request.shows_a_token()? => {
            Err(MatrixError::unknown_token("No application service is known by that token.", false))
        }
        None => Err(MatrixError::missing_token("The token of an application service is required.")),
    }
}

/// The answer to a service that says that it makes devices without logging in.
pub(crate) fn login_unsupported() -> MatrixError {
    MatrixError::new(
        StatusCode::BAD_REQUEST,
        "M_APPSERVICE_LOGIN_UNSUPPORTED",
        "This application service makes devices without logging in.",
    )
}
