//! What administrators decide about users beside their accounts
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html)).

use axum::{extract::State, response::Response};
use hearth_storage::schema::users::RateRow;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, existing_user, told},
};

/// `POST /_synapse/admin/v1/users/{userId}/shadow_ban`
pub async fn shadow_ban(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    api.users.restrictions.set_shadow_banned(&user, true).await?;
    Ok(told(json!({})))
}

/// `DELETE /_synapse/admin/v1/users/{userId}/shadow_ban`
pub async fn end_shadow_ban(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    api.users.restrictions.set_shadow_banned(&user, false).await?;
    Ok(told(json!({})))
}

/// `GET /_synapse/admin/v1/users/{userId}/override_ratelimit`
pub async fn get_rate(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let rate = api.users.restrictions.get(&user)?.rate;
    Ok(told(rate.map_or_else(|| json!({}), described)))
}

/// `POST /_synapse/admin/v1/users/{userId}/override_ratelimit`: how often a user may send something; nothing at all
/// bounds who has zeros.
pub async fn set_rate(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        messages_per_second: u32,
        #[serde(default)]
        burst_count: u32,
    }
    let user = existing_user(&api, &request)?;
    let Body { messages_per_second, burst_count } = request.body()?;
    let rate = RateRow { per_second: messages_per_second, burst: burst_count };
    api.users.restrictions.set_rate(&user, Some(rate)).await?;
    Ok(told(described(rate)))
}

/// `DELETE /_synapse/admin/v1/users/{userId}/override_ratelimit`
pub async fn end_rate(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    api.users.restrictions.set_rate(&user, None).await?;
    Ok(told(json!({})))
}

fn described(rate: RateRow) -> Value {
    json!({ "messages_per_second": rate.per_second, "burst_count": rate.burst })
}

/// For how long keys may be replaced, in milliseconds.
const REPLACEABLE_MS: u64 = 10 * 60 * 1000;

/// `POST /_synapse/admin/v1/users/{userId}/_allow_cross_signing_replacement_without_uia`
pub async fn let_keys_be_replaced(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let until = api.now_ms() + REPLACEABLE_MS;
    api.users.restrictions.let_keys_be_replaced(&user, until).await?;
    Ok(told(json!({ "updatable_without_uia_before_ms": until })))
}
