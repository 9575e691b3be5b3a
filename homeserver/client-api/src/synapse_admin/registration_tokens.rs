//! Tokens with which somebody may register
//! ([documentation](https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html)).

use axum::{extract::State, response::Response};
use hearth_storage::schema::users::RegistrationTokenRow;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{AdminRequest, request::Paging, told},
};

/// How long one is that is made up.
const USUAL_LENGTH: usize = 16;
const MAX_LENGTH: usize = 64;

/// `GET /_synapse/admin/v1/registration_tokens`
pub async fn list(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Filter {
        valid: Option<bool>,
    }
    let Filter { valid } = request.query()?;
    let tokens = &api.users.registration_tokens;
    let mut all = tokens.list()?;
    all.retain(|(_, row)| valid.is_none_or(|valid| tokens.is_valid(row) == valid));
    let all: Vec<Value> = all.iter().map(|(token, row)| described(token, row)).collect();
    Ok(told(json!({ "registration_tokens": request.query::<Paging>()?.page(all).items })))
}

/// `POST /_synapse/admin/v1/registration_tokens/new`
pub async fn create(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        token: Option<String>,
        length: Option<usize>,
        uses_allowed: Option<u64>,
        expiry_time: Option<u64>,
    }
    let body: Body = request.body()?;
    if body.length.is_some_and(|length| !(1..=MAX_LENGTH).contains(&length)) {
        return Err(MatrixError::invalid_param("`length` must be from 1 to 64."));
    }
    in_future(&api, body.expiry_time)?;
    let tokens = &api.users.registration_tokens;
    let token = body.token.unwrap_or_else(|| tokens.made_up(body.length.unwrap_or(USUAL_LENGTH)));
    let row =
        RegistrationTokenRow { uses_allowed: body.uses_allowed, completed: 0, expires_at: body.expiry_time };
    tokens.create(&token, row.clone()).await?;
    Ok(told(described(&token, &row)))
}

/// `GET /_synapse/admin/v1/registration_tokens/{token}`
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let token = request.text(0);
    let row = api.users.registration_tokens.get(token)?.ok_or_else(|| unknown(token))?;
    Ok(told(described(token, &row)))
}

/// `PUT /_synapse/admin/v1/registration_tokens/{token}`: what is left out stays as it is.
pub async fn change(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "given")]
        uses_allowed: Option<Option<u64>>,
        #[serde(default, deserialize_with = "given")]
        expiry_time: Option<Option<u64>>,
    }
    let token = request.text(0);
    let body: Body = request.body()?;
    in_future(&api, body.expiry_time.flatten())?;
    let changed = api.users.registration_tokens.change(token, |row| {
        row.uses_allowed = body.uses_allowed.unwrap_or(row.uses_allowed);
        row.expires_at = body.expiry_time.unwrap_or(row.expires_at);
    });
    let row = changed.await?.ok_or_else(|| unknown(token))?;
    Ok(told(described(token, &row)))
}

/// `DELETE /_synapse/admin/v1/registration_tokens/{token}`
pub async fn delete(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let token = request.text(0);
    match api.users.registration_tokens.delete(token).await? {
        true => Ok(told(json!({}))),
        false => Err(unknown(token)),
    }
}

/// Tells `null` from what is not there.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

fn in_future(api: &ClientApi, expires_at: Option<u64>) -> Result<()> {
    match expires_at.is_some_and(|at| at < api.now_ms()) {
        true => Err(MatrixError::invalid_param("`expiry_time` is past.")),
        false => Ok(()),
    }
}

/// A use is counted when it is made: none is ever pending.
fn described(token: &str, row: &RegistrationTokenRow) -> Value {
    json!({
        "token": token,
        "uses_allowed": row.uses_allowed,
        "pending": 0,
        "completed": row.completed,
        "expiry_time": row.expires_at,
    })
}

fn unknown(token: &str) -> MatrixError {
    MatrixError::not_found(format!("No such registration token: {token}"))
}
