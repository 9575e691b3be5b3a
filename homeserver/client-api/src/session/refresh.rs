//! `POST /_matrix/client/v3/refresh`

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::session::refresh_token::v3::{Request as RefreshToken, Response};

use crate::{Answer, Request, Result};

/// New tokens for a refresh token
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh)).
pub async fn refresh_token(
    State(users): State<Users>,
    request: Request<RefreshToken>,
) -> Result<Answer<Response>> {
    let tokens = users.sessions.refresh(&request.body.refresh_token).await?;
    let mut response = Response::new(tokens.access_token);
    response.refresh_token = tokens.refresh_token;
    response.expires_in_ms = tokens.expires_in;
    Ok(Answer(response))
}
