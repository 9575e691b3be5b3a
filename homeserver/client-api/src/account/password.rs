//! `POST /_matrix/client/v3/account/password`

use axum::extract::State;
use ruma::api::client::account::change_password::v3::{Request as ChangePassword, Response};

use crate::{Answer, ClientApi, MatrixError, Request, Result, account::register::check_password, uia};

/// Sets a new password and ends the user's other sessions, unless asked not to
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword)).
pub async fn change_password(
    State(api): State<ClientApi>,
    request: Request<ChangePassword>,
) -> Result<Answer<Response>> {
    // Without a token one would prove oneself by an e-mail, which this server does not send.
    let session =
        request.who.clone().ok_or_else(|| MatrixError::missing_token("An access token is required."))?;
    check_password(&request.body.new_password)?;
    uia::confirm(&api, &request, &session.user, "change_password").await?;

    check_password(&request.body.new_password)?;
    api.users.accounts.set_password(&session.user, &request.body.new_password).await?;
    if request.body.logout_devices {
        api.users.sessions.logout_others(&session).await?;
    }
    Ok(Answer(Response::new()))
}
