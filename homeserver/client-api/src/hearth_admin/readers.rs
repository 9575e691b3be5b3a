//! `GET /_hearth/admin/v1/readers`

use axum::{extract::State, response::Response};
use hearth_storage::{Scan, schema};
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

/// Who follows the log, and how far each is behind.
pub async fn readers(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    let store = api.rooms.store();
    let mut readers: Vec<Value> = Vec::new();
    for row in store.view().scan(&schema::CURSORS, Scan::all()) {
        let ((name,), position) = row?;
        let lag = store.lag(position);
        readers.push(json!({
            "name": name, "position": position.0, "changes_behind": lag.changes, "bytes_behind": lag.bytes,
        }));
    }
    Ok(told(json!({ "position": store.published().0, "readers": readers })))
}
