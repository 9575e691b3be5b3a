//! `GET /_matrix/federation/v1/backfill/{roomId}`

use axum::extract::State;
use hearth_http::{JsonText, MatrixError, Result};
use ruma::api::federation::backfill::get_backfill::v1::Request as Backfill;

use crate::{
    Federation,
    endpoint::Request,
    server::{access, pdus},
};

/// As many events as are given at most.
const MAX_EVENTS: usize = 100;
/// From as many events one may go back at once.
const MAX_FROM: usize = 100;

/// Events and what came before them
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid)).
pub async fn backfill(State(federation): State<Federation>, request: Request<Backfill>) -> Result<JsonText> {
    let Backfill { room_id, v, limit, .. } = request.body;
    if v.len() > MAX_FROM {
        return Err(MatrixError::invalid_param("`v` is given too often."));
    }
    let room = access::shared_room(&federation, &request.origin, &room_id)?;
    let limit = usize::try_from(limit).map_or(MAX_EVENTS, |limit| limit.min(MAX_EVENTS));
    let events = access::seen_by(&federation, &room, &request.origin, &room.backfill(&v, limit)?)?;
    Ok(pdus::transaction(&federation, events.iter().map(|event| &**event)))
}
