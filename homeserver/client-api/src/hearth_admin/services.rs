//! `GET /_hearth/admin/v1/appservices`, `POST /_hearth/admin/v1/appservices/{serviceId}/ping`

use axum::{extract::State, response::Response};
use hearth_storage::schema;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    appservice::ping::not_reached,
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

/// Asks a service whether it is there, and says how many milliseconds its answer took. Then what waits for it is sent
/// again at once.
pub async fn ping(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let service = api.services.all().into_iter().find(|service| service.id == request.text(0));
    let service = service.ok_or_else(|| MatrixError::not_found("There is no such application service."))?;
    let duration = api.services.ping(&service, None).await.map_err(not_reached)?;
    Ok(told(json!({ "duration_ms": duration.as_millis() as u64 })))
}
