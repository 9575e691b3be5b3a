//! `POST /_matrix/client/v3/user/{userId}/openid/request_token` ("OpenID")

use axum::extract::State;
use ruma::{
    api::client::account::request_openid_token::v3::{Request as RequestToken, Response},
    authentication::TokenType,
};

use crate::{Answer, ClientApi, EndpointRouter, Request, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(request_openid_token)
}

/// A token with which a third party learns from this server who the user is
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token)).
pub async fn request_openid_token(
    State(api): State<ClientApi>,
    request: Request<RequestToken>,
) -> Result<Answer<Response>> {
    request.who.is(&request.body.user_id)?;
    let (token, lifetime) = api.users.sessions.create_openid_token(&request.who).await?;
    let server_name = api.options.server_name.clone();
    Ok(Answer(Response::new(token, TokenType::Bearer, server_name, lifetime)))
}
