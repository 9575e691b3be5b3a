//! `POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync`, and the form in which it was accepted:
//! `POST /_matrix/client/v4/sync` (MSC4186)

use std::time::Duration;

use axum::extract::State;
use hearth_http::limits::{Asker, Class};
use hearth_sync::{SlidingBody, SlidingForm};
use ruma::presence::PresenceState;
use serde::Deserialize;

use crate::{
    ClientApi, JsonText, Request, Requester, Result,
    presence::set::known,
    sync::requests::{SlidingSync, UnstableSlidingSync},
};

/// What today's form has outside of the body.
#[derive(Deserialize)]
struct Query {
    pos: Option<String>,
    /// Milliseconds.
    timeout: Option<u64>,
    set_presence: Option<PresenceState>,
}

/// The rooms in view and what changed there, in the form that clients ask for today.
pub async fn unstable_sliding_sync(
    State(api): State<ClientApi>,
    request: Request<UnstableSlidingSync>,
) -> Result<JsonText> {
    let query = request.query()?;
    let body = serde_json::from_slice(or_empty(&request.bytes))?;
    answer(&api, &request.who, SlidingForm::Unstable, query, body).await
}

/// The same in the form that was accepted.
pub async fn sliding_sync(State(api): State<ClientApi>, request: Request<SlidingSync>) -> Result<JsonText> {
    let body: SlidingBody = serde_json::from_slice(or_empty(&request.bytes))?;
    let query = Query {
        pos: body.pos().map(str::to_owned),
        timeout: body.timeout(),
        set_presence: body.set_presence(),
    };
    answer(&api, &request.who, SlidingForm::Stable, query, body).await
}

async fn answer(
    api: &ClientApi,
    who: &Requester,
    form: SlidingForm,
    query: Query,
    body: SlidingBody,
) -> Result<JsonText> {
    let Query { pos, timeout, set_presence } = query;
    if pos.is_none() {
        api.limit(Class::InitialSync, Asker::User(&who.user))?;
    }
    let who = (who.user.clone(), who.device.clone());
    let timeout = Duration::from_millis(timeout.unwrap_or(0));
    let presence = known(set_presence.unwrap_or_default())?;
    let request = body.request(form, who, pos.as_deref(), timeout, presence)?;
    Ok(JsonText(api.sync.sliding_sync(request).await?))
}

fn or_empty(body: &[u8]) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}
