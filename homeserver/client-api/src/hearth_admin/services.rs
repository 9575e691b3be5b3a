//! `GET /_hearth/admin/v1/appservices`

use axum::{extract::State, response::Response};
use hearth_storage::schema;
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

/// Bridges and bots: where each is, and how much of the log it was not told yet.
pub async fn services(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    let store = api.rooms.store();
    let mut services: Vec<Value> = Vec::new();
    for service in api.services.all() {
        let cursor = hearth_appservices::cursor(&service.id);
        let position = store.view().get(&schema::CURSORS, (cursor,))?;
        services.push(json!({
            "id": service.id,
            "url": service.url,
            "sender": service.sender,
            "protocols": service.protocols,
            "changes_behind": position.map(|position| store.lag(position).changes),
        }));
    }
    Ok(told(json!({ "appservices": services })))
}
