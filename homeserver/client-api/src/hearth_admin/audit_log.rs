//! `GET /_hearth/admin/v1/audit_log`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{AdminRequest, told},
};

const USUAL: usize = 100;
const MAX: usize = 1000;

/// What administrators did, the newest first. `from` is the `next_token` of the page before.
pub async fn audit_log(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        from: Option<String>,
        limit: Option<usize>,
    }
    let Query { from, limit } = request.query()?;
    let before = from.map(|from| {
        let (at, number) = from.split_once('_')?;
        Some((at.parse().ok()?, number.parse().ok()?))
    });
    let before = match before {
        Some(None) => return Err(MatrixError::invalid_param("`from` is no token of this list.")),
        Some(key) => key,
        None => None,
    };
    let limit = limit.unwrap_or(USUAL).min(MAX);
    let entries = api.users.audit.list(before, limit)?;
    let next = entries.last().filter(|_| entries.len() == limit && limit > 0);
    let next = next.map(|((at, number), _)| format!("{at}_{number}"));
    let entries: Vec<Value> = entries
        .iter()
        .map(|((at, _), row)| {
            json!({
                "at": at, "who": row.who, "request": row.request, "body": row.body, "status": row.status,
            })
        })
        .collect();
    let mut answer = json!({ "entries": entries });
    if let Some(next) = next {
        answer["next_token"] = next.into();
    }
    Ok(told(answer))
}
