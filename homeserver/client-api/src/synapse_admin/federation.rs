//! Other servers
//! ([documentation](https://element-hq.github.io/synapse/latest/usage/administration/admin_api/federation.html)).

use axum::{extract::State, response::Response};
use hearth_storage::blocking;
use ruma::{OwnedServerName, ServerName};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{
        AdminRequest,
        request::{Direction, Paging},
        told,
    },
};

/// `GET /_synapse/admin/v1/federation/destinations`: the servers with which rooms are shared, and those that fail.
pub async fn destinations(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        destination: Option<String>,
        order_by: Option<String>,
    }
    let (query, paging): (Query, Paging) = (request.query()?, request.query()?);
    let mut servers = blocking(|| api.rooms.other_servers())?;
    servers.extend(api.federation.destinations().failing());
    servers.retain(|server| query.destination.as_deref().is_none_or(|part| server.as_str().contains(part)));
    let mut all: Vec<Value> = servers.iter().map(|server| described(&api, server)).collect();
    if let Some(key @ ("retry_last_ts" | "retry_interval" | "failure_ts")) = query.order_by.as_deref() {
        all.sort_by_key(|server| server[key].as_u64());
    }
    if paging.dir == Direction::Backward {
        all.reverse();
    }
    let page = paging.page(all);
    let mut answer = json!({ "destinations": page.items, "total": page.total });
    if let Some(next) = page.next {
        answer["next_token"] = next.to_string().into();
    }
    Ok(told(answer))
}

/// `GET /_synapse/admin/v1/federation/destinations/{destination}`
pub async fn destination(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    Ok(told(described(&api, &known(&api, &request)?)))
}

/// `GET /_synapse/admin/v1/federation/destinations/{destination}/rooms`
pub async fn rooms(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let server = known(&api, &request)?;
    let paging: Paging = request.query()?;
    let mut rooms = Vec::new();
    for nid in blocking(|| api.rooms.rooms_shared_with(&server))? {
        if let Some(id) = api.rooms.id_of(nid)? {
            rooms.push((id, nid));
        }
    }
    rooms.sort();
    if paging.dir == Direction::Backward {
        rooms.reverse();
    }
    let page = paging.page(rooms);
    let positions = api.rooms.last_events(&page.items.iter().map(|(_, nid)| *nid).collect::<Vec<_>>())?;
    let rooms = page.items.iter().zip(positions);
    let rooms: Vec<Value> =
        rooms.map(|((id, _), position)| json!({ "room_id": id, "stream_ordering": position.0 })).collect();
    let mut answer = json!({ "rooms": rooms, "total": page.total });
    if let Some(next) = page.next {
        answer["next_token"] = next.to_string().into();
    }
    Ok(told(answer))
}

/// `POST /_synapse/admin/v1/federation/destinations/{destination}/reset_connection`: one that fails is tried at once.
pub async fn reset(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let server = known(&api, &request)?;
    if !api.federation.destinations().is_failing(&server) {
        return Err(MatrixError::unknown(
            "That server does not fail: it is tried whenever there is something.",
        ));
    }
    api.federation.destinations().heard_from(&server);
    Ok(told(json!({})))
}

fn known(api: &ClientApi, request: &AdminRequest) -> Result<OwnedServerName> {
    let server: OwnedServerName = request.argument(0)?;
    let is_known = api.federation.destinations().is_failing(&server)
        || !blocking(|| api.rooms.rooms_shared_with(&server))?.is_empty();
    match is_known && server != api.options.server_name {
        true => Ok(server),
        false => Err(MatrixError::not_found("Nothing is sent to such a server.")),
    }
}

/// A server that answers has zeros. When the first of several failures was is not kept: the last is told.
fn described(api: &ClientApi, server: &ServerName) -> Value {
    let health = api.federation.destinations().health(server);
    json!({
        "destination": server,
        "retry_last_ts": health.map_or(0, |health| health.failed_at),
        "retry_interval": health.map_or(0, |health| health.retry_at.saturating_sub(health.failed_at)),
        "failure_ts": health.map(|health| health.failed_at),
        "last_successful_stream_ordering": null,
    })
}
