//! `GET /_matrix/client/v3/pushrules/` and `GET /_matrix/client/v3/pushrules/global/`

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::push::{get_pushrules_all::v3 as all, get_pushrules_global_scope::v3 as global};

use crate::{Answer, Request, Result};

/// All push rules of the user
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules)).
pub async fn get_pushrules_all(
    State(users): State<Users>,
    request: Request<all::Request>,
) -> Result<Answer<all::Response>> {
    let ruleset = users.push_rules.ruleset(&request.who.user)?;
    Ok(Answer(all::Response::new((*ruleset).clone())))
}

/// The same, without the scope around them
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal)).
pub async fn get_pushrules_global_scope(
    State(users): State<Users>,
    request: Request<global::Request>,
) -> Result<Answer<global::Response>> {
    let ruleset = users.push_rules.ruleset(&request.who.user)?;
    Ok(Answer(global::Response::new((*ruleset).clone())))
}
