//! `GET /_matrix/client/v3/pushrules/` and `GET /_matrix/client/v3/pushrules/global/`

use axum::extract::State;
use hearth_users::{Users, whole_ruleset};
use ruma::api::client::push::{get_pushrules_all::v3 as all, get_pushrules_global_scope::v3 as global};
use serde_json::{Value, json};

use crate::{Json, Request, Result};

/// All push rules of the user
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules)).
pub async fn get_pushrules_all(
    State(users): State<Users>,
    request: Request<all::Request>,
) -> Result<Json<Value>> {
    let ruleset = users.push_rules.ruleset(&request.who.user)?;
    Ok(Json(json!({ "global": whole_ruleset(&ruleset)? })))
}

/// The same, without the scope around them
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal)).
pub async fn get_pushrules_global_scope(
    State(users): State<Users>,
    request: Request<global::Request>,
) -> Result<Json<Value>> {
    let ruleset = users.push_rules.ruleset(&request.who.user)?;
    Ok(Json(whole_ruleset(&ruleset)?))
}
