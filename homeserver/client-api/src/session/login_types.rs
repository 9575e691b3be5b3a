//! `GET /_matrix/client/v3/login`

use axum::extract::State;
use ruma::api::client::session::get_login_types::v3::Request as GetLoginTypes;
use serde_json::{Value, json};

use crate::{ClientApi, Json, Request, Result, session::login::JWT};

/// How one may log in
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login)).
pub async fn get_login_types(
    State(api): State<ClientApi>,
    _request: Request<GetLoginTypes>,
) -> Result<Json<Value>> {
    let mut flows = vec![
        json!({ "type": "m.login.password" }),
        json!({ "type": "m.login.token", "get_login_token": true }),
        json!({ "type": "m.login.application_service" }),
    ];
    if api.options.jwt_secret.is_some() {
        flows.push(json!({ "type": JWT }));
    }
    Ok(Json(json!({ "flows": flows })))
}
