//! `GET /_synapse/admin/v1/server_version`

use axum::{extract::State, response::Response};
use serde_json::json;

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

/// What runs here.
pub async fn server_version(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Ok(told(json!({ "server_version": concat!("Hearth ", env!("CARGO_PKG_VERSION")) })))
}
