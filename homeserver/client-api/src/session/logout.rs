//! `POST /_matrix/client/v3/logout` and `POST /_matrix/client/v3/logout/all`

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::session::{logout::v3 as one, logout_all::v3 as all};

use crate::{Answer, Request, Result};

/// Ends this session and deletes its device
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout)).
pub async fn logout(
    State(users): State<Users>,
    request: Request<one::Request>,
) -> Result<Answer<one::Response>> {
    users.sessions.logout(&request.who).await?;
    Ok(Answer(one::Response::new()))
}

/// Ends all sessions of the user
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall)).
pub async fn logout_all(
    State(users): State<Users>,
    request: Request<all::Request>,
) -> Result<Answer<all::Response>> {
    users.sessions.logout_all(&request.who.user).await?;
    Ok(Answer(all::Response::new()))
}
