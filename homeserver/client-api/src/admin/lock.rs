//! `/_matrix/client/v1/admin/lock/{userId}`

use axum::extract::State;
use ruma::api::client::admin::{is_user_locked::v1 as get, lock_user::v1 as set};

use crate::{Answer, ClientApi, Request, Result, admin::moderated};

/// Whether an account is locked
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminlockuserid)).
pub async fn is_user_locked(
    State(api): State<ClientApi>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let account = moderated(&api, &request.who, &request.body.user_id)?;
    Ok(Answer(get::Response::new(account.locked)))
}

/// Locks an account or unlocks it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminlockuserid)).
pub async fn lock_user(
    State(api): State<ClientApi>,
    request: Request<set::Request>,
) -> Result<Answer<set::Response>> {
    moderated(&api, &request.who, &request.body.user_id)?;
    let locked = request.body.locked;
    api.users.accounts.set_locked(&request.body.user_id, locked).await?;
    Ok(Answer(set::Response::new(locked)))
}
