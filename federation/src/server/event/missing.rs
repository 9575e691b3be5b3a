//! `POST /_matrix/federation/v1/get_missing_events/{roomId}`

use axum::extract::State;
use hearth_http::{JsonText, MatrixError, Result};
use ruma::api::federation::event::get_missing_events::v1::Request as GetMissingEvents;

use crate::{
    Federation,
    endpoint::Request,
    server::{access, pdus::Object},
};

/// As many events as are given at most.
const MAX_EVENTS: usize = 20;
/// As many events as may be named at once.
const MAX_NAMED: usize = 100;

/// The events between some that a server has and some that it got
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid)).
pub async fn get_missing_events(
    State(federation): State<Federation>,
    request: Request<GetMissingEvents>,
) -> Result<JsonText> {
    let GetMissingEvents { room_id, limit, min_depth, earliest_events, latest_events, .. } = request.body;
    if earliest_events.len().max(latest_events.len()) > MAX_NAMED {
        return Err(MatrixError::invalid_param("Too many events are named."));
    }
    let room = access::shared_room(&federation, &request.origin, &room_id)?;
    let limit = usize::try_from(limit).map_or(MAX_EVENTS, |limit| limit.min(MAX_EVENTS));
    let between = room.missing_between(&latest_events, &earliest_events, min_depth.into(), limit)?;
    let events = access::seen_by(&federation, &room, &request.origin, &between)?;
    Ok(Object::new().pdus("events", events.iter().map(|event| &**event)).close())
}
