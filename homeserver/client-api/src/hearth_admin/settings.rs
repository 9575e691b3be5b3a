//! `GET /_hearth/admin/v1/settings`

use axum::{extract::State, response::Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

/// A setting that is in force. Of a secret only that there is one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub value: Value,
    /// Whether it is what it is where nothing is set.
    pub is_usual: bool,
}

/// All settings, in the order of the documentation.
pub async fn settings(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Ok(told(json!({ "settings": api.options.settings })))
}
