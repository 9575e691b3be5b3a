//! `/_matrix/client/v1/admin/suspend/{userId}`

use axum::extract::State;
use ruma::api::client::admin::{is_user_suspended::v1 as get, suspend_user::v1 as set};

use crate::{Answer, ClientApi, Request, Result, admin::moderated};

/// Whether an account is suspended
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminsuspenduserid)).
pub async fn is_user_suspended(
    State(api): State<ClientApi>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let account = moderated(&api, &request.who, &request.body.user_id)?;
    Ok(Answer(get::Response::new(account.suspended)))
}

/// Suspends an account or ends it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminsuspenduserid)).
pub async fn suspend_user(
    State(api): State<ClientApi>,
    request: Request<set::Request>,
) -> Result<Answer<set::Response>> {
    moderated(&api, &request.who, &request.body.user_id)?;
    let suspended = request.body.suspended;
    api.users.accounts.set_suspended(&request.body.user_id, suspended).await?;
    Ok(Answer(set::Response::new(suspended)))
}
