//! `GET /_matrix/federation/v1/timestamp_to_event/{roomId}`

use std::sync::Arc;

use axum::extract::State;
use hearth_http::{Answer, Result};
use hearth_rooms::{Event, Room, TimelineRange};
use ruma::{
    ServerName,
    api::{
        Direction,
        federation::event::get_event_by_timestamp::v1::{Request as TimestampToEvent, Response},
    },
};

use crate::{Federation, endpoint::Request, server::access};

/// How far is looked past an event that the server may not see.
const MAX_STEPS: usize = 100;

/// The event nearest to a time
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid)).
pub async fn timestamp_to_event(
    State(federation): State<Federation>,
    request: Request<TimestampToEvent>,
) -> Result<Answer<Response>> {
    let TimestampToEvent { room_id, ts, dir, .. } = request.body;
    let room = access::shared_room(&federation, &request.origin, &room_id)?;
    let event = nearest(&room, &request.origin, ts.get().into(), dir)?.ok_or_else(access::unknown_event)?;
    Ok(Answer(Response::new(event.id().to_owned(), event.pdu.origin_server_ts())))
}

fn nearest(room: &Room, origin: &ServerName, ts: u64, direction: Direction) -> Result<Option<Arc<Event>>> {
    let backwards = direction == Direction::Backward;
    let Some(event) = room.event_near(ts, backwards)? else { return Ok(None) };
    if room.server_may_see(origin, &event)? {
        return Ok(Some(event));
    }
    let from = event.order();
    let range = match backwards {
        true => TimelineRange { until: from, backwards, limit: MAX_STEPS, ..TimelineRange::default() },
        false => TimelineRange { after: from, limit: MAX_STEPS, ..TimelineRange::default() },
    };
    for event in room.timeline(range)? {
        if room.server_may_see(origin, &event)? {
            return Ok(Some(event));
        }
    }
    Ok(None)
}
