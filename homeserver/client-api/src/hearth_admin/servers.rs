//! `GET /_hearth/admin/v1/federation/{serverName}`

use std::time::Duration;

use axum::{extract::State, response::Response};
use hearth_storage::{Scan, blocking, schema};
use ruma::OwnedServerName;
use serde_json::json;

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

/// How long the server is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many rooms in which it is behind are counted.
const MAX_ROOMS: usize = 10_000;

/// Why a server does not answer: it is asked now, and what comes of it is told with what is known of it.
pub async fn server(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let server: OwnedServerName = request.argument(0)?;
    let health = api.federation.destinations().health(&server);
    let view = api.rooms.store().view();
    let behind = view.scan(&schema::DESTINATION_ROOMS, Scan::prefix((&server,))).take(MAX_ROOMS).count();
    let shared = blocking(|| api.rooms.rooms_shared_with(&server))?.len();
    let asked = tokio::time::timeout(PATIENCE, api.federation.try_now(&server)).await;
    let error = match asked {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer came within {} seconds", PATIENCE.as_secs())),
    };
    Ok(told(json!({
        "server_name": server,
        "answers": error.is_none(),
        "error": error,
        "failures": health.map_or(0, |health| health.failures),
        "retry_at": health.map(|health| health.retry_at),
        "rooms_shared": shared,
        "rooms_behind": behind,
    })))
}
