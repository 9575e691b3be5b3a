//! `/_hearth/admin/v1/bans`: users, servers and aliases that the whole server has nothing to do with.

use axum::{extract::State, response::Response};
use hearth_rooms::Ban;
use hearth_spec::BanKind;
use hearth_storage::schema::rooms::BanRow;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{AdminRequest, told},
};

/// `GET /_hearth/admin/v1/bans`: all of them, by kind and glob.
pub async fn list(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    let bans: Vec<Value> = api.rooms.bans().all()?.iter().map(described).collect();
    Ok(told(json!({ "bans": bans })))
}

/// `PUT /_hearth/admin/v1/bans/{kind}/{glob}` with `{ "reason": "…" }`, which may be left out. The kind is `user`
/// (`@spam*:*`), `server` (`*.example.org`) or `alias` (`#free-*:*`).
pub async fn ban(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        reason: Option<String>,
    }
    let Body { reason } = request.body()?;
    let row = BanRow { by: request.who.user.clone(), at: api.now_ms(), reason };
    api.rooms.bans().ban(kind(&request)?, request.text(1), row, &api.options.server_name).await?;
    Ok(told(json!({})))
}

/// `DELETE /_hearth/admin/v1/bans/{kind}/{glob}`
pub async fn lift(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    match api.rooms.bans().lift(kind(&request)?, request.text(1)).await? {
        true => Ok(told(json!({}))),
        false => Err(MatrixError::not_found("There is no such ban.")),
    }
}

fn kind(request: &AdminRequest) -> Result<BanKind> {
    let unknown = || MatrixError::invalid_param("The kind of a ban is `user`, `server` or `alias`.");
    BanKind::named(request.text(0)).ok_or_else(unknown)
}

fn described(ban: &Ban) -> Value {
    json!({
        "kind": ban.kind.name(), "glob": ban.glob, "reason": ban.row.reason, "by": ban.row.by, "at": ban.row.at,
    })
}
