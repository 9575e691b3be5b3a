//! `GET /_matrix/client/v3/account/3pid`

use axum::extract::State;
use ruma::api::client::account::get_3pids::v3::Request as Get3pids;
use serde_json::{Value, json};

use crate::{ClientApi, Json, Request, Result};

/// The user's e-mail addresses and phone numbers: this server keeps none
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid)).
pub async fn get_3pids(State(_): State<ClientApi>, _request: Request<Get3pids>) -> Result<Json<Value>> {
    Ok(Json(json!({ "threepids": [] })))
}
