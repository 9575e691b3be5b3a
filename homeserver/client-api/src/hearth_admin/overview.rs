//! `GET /_hearth/admin/v1/overview`

use axum::{extract::State, response::Response};
use hearth_storage::{Scan, blocking, schema};
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, told},
};

/// How many servers that fail are named, those that fail longest.
const NAMED: usize = 10;

/// What this server is, how much there is of everything, and what needs somebody to look at it.
pub async fn overview(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    blocking(|| all(&api)).map(told)
}

fn all(api: &ClientApi) -> Result<Value> {
    let (accounts, administrators, ended) = accounts(api)?;
    let store = api.rooms.store();
    let mut behind = 0;
    for row in store.view().scan(&schema::CURSORS, Scan::all()) {
        behind = behind.max(store.lag(row?.1).changes);
    }
    // Counted by their rows: none is loaded for it.
    let rooms = store.view().scan(&schema::ROOM_HEADS, Scan::all()).count();
    let awaiting_approval = store.view().scan(&schema::AWAITING_APPROVAL, Scan::all()).count();
    let destinations = api.federation.destinations();
    let mut failing: Vec<_> = destinations
        .failing()
        .into_iter()
        .filter_map(|server| Some((destinations.health(&server)?, server)))
        .map(|(health, server)| (health.failed_at, json!({ "server_name": server, "failed_at": health.failed_at, "retry_at": health.retry_at, "failures": health.failures })))
        .collect();
    let failing_count = failing.len();
    failing.sort_by_key(|(failed_at, _)| *failed_at);
    failing.truncate(NAMED);
    let failing: Vec<Value> = failing.into_iter().map(|(_, server)| server).collect();
    Ok(json!({
        "server_name": api.options.server_name,
        "version": env!("CARGO_PKG_VERSION"),
        "now": api.now_ms(),
        "started_at": api.started_at(),
        "accounts": accounts,
        "administrators": administrators,
        "deactivated": ended,
        "awaiting_approval": awaiting_approval,
        "rooms": rooms,
        "servers": api.rooms.other_servers()?.len(),
        "servers_failing": failing_count,
        "failing": failing,
        "reports": api.rooms.reports()?.len(),
        "changes_behind": behind,
        "writing_fails": store.is_failing().is_some() || store.is_stopped().is_some(),
    }))
}

/// How many accounts there are, how many of them are administrators', and how many were ended.
fn accounts(api: &ClientApi) -> Result<(u64, u64, u64)> {
    let (mut accounts, mut administrators, mut ended) = (0, 0, 0);
    for row in api.rooms.store().view().scan(&schema::ACCOUNTS, Scan::all()) {
        let (_, row) = row?;
        accounts += u64::from(!row.deactivated);
        administrators += u64::from(row.admin && !row.deactivated);
        ended += u64::from(row.deactivated);
    }
    Ok((accounts, administrators, ended))
}
