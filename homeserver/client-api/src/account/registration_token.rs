//! `GET /_matrix/client/v1/register/m.login.registration_token/validity`

use axum::extract::State;
use ruma::api::client::account::check_registration_token_validity::v1::{Request as Check, Response};

use crate::{
    Answer, ClientApi, MatrixError, Registration, Request, Result,
    uia::{self, TokenKind},
};

/// Whether a registration token is good
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity)).
pub async fn check_registration_token_validity(
    State(api): State<ClientApi>,
    request: Request<Check>,
) -> Result<Answer<Response>> {
    let valid = match &api.options.registration {
        Registration::Off => return Err(MatrixError::forbidden("Registration is off on this server.")),
        Registration::Open => false,
        Registration::Token(_) | Registration::Tokens => {
            uia::registration_token(&api, &request.body.token)? != TokenKind::Wrong
        }
    };
    Ok(Answer(Response::new(valid)))
}
