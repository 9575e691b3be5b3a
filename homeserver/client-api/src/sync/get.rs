//! `GET /_matrix/client/v3/sync`

use std::time::Duration;

use axum::extract::State;
use hearth_http::limits::{Asker, Class};
use hearth_sync::{StateAfter, SyncRequest};
use ruma::presence::PresenceState;
use serde::Deserialize;

use crate::{ClientApi, JsonText, Request, Result, presence::set::known, sync::requests::Sync};

#[derive(Deserialize)]
struct Query {
    filter: Option<String>,
    since: Option<String>,
    #[serde(default)]
    full_state: bool,
    #[serde(default)]
    set_presence: PresenceState,
    /// Milliseconds.
    #[serde(default)]
    timeout: u64,
    #[serde(default)]
    use_state_after: bool,
    /// The name of it that clients use.
    #[serde(default, rename = "org.matrix.msc4222.use_state_after")]
    use_state_after_unstable: bool,
}

/// What changed since the last sync, or waits until something does
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync)).
pub async fn sync(State(api): State<ClientApi>, request: Request<Sync>) -> Result<JsonText> {
    let query: Query = request.body.query()?;
    let who = &request.who;
    if (query.since.is_none() || query.full_state) && who.is_limited() {
        api.limit(Class::InitialSync, Asker::User(&who.user))?;
    }
    let state_after = match (query.use_state_after, query.use_state_after_unstable) {
        (true, _) => Some(StateAfter::Stable),
        (_, true) => Some(StateAfter::Unstable),
        (false, false) => None,
    };
    let request = SyncRequest {
        user: who.user.clone(),
        device: who.device.clone(),
        filter: api.sync.filter(&who.user, query.filter.as_deref())?,
        since: query.since.as_deref().map(str::parse).transpose()?,
        full_state: query.full_state,
        state_after,
        set_presence: known(query.set_presence)?,
        timeout: Duration::from_millis(query.timeout),
    };
    Ok(JsonText(api.sync.sync(request).await?))
}
