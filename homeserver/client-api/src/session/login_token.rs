//! `POST /_matrix/client/v1/login/get_token`

use axum::extract::State;
use ruma::api::client::session::get_login_token::v1::{Request as GetLoginToken, Response};

use crate::{Answer, ClientApi, Request, Result, uia};

/// A token with which another device logs in, once
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token)).
pub async fn get_login_token(
    State(api): State<ClientApi>,
    request: Request<GetLoginToken>,
) -> Result<Answer<Response>> {
    let user = request.who.user.clone();
    uia::confirm(&api, &request, &user, "get_login_token").await?;
    let (token, lifetime) = api.users.sessions.create_login_token(&request.who).await?;
    Ok(Answer(Response::new(lifetime, token)))
}
