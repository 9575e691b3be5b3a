//! `GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event`

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use hearth_federation::FederationError;
use hearth_rooms::{Event, Room};
use hearth_storage::TimelineOrder;
use hearth_sync::TimelineToken;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, UserId,
    api::{
        Direction,
        client::room::get_event_by_timestamp::v1::{Request as TimestampToEvent, Response},
    },
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result,
    message::{
        history,
        view::{Stretch, View},
    },
};

/// How long other servers are waited for, with all that is fetched on the way to the event.
const PATIENCE: Duration = Duration::from_secs(20);

/// The event nearest to a time
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event)).
pub async fn timestamp_to_event(
    State(api): State<ClientApi>,
    request: Request<TimestampToEvent>,
) -> Result<Answer<Response>> {
    let TimestampToEvent { room_id, ts, dir, .. } = request.body;
    let view = View::of(&api, &request.who.user, &room_id)?;
    let mut found = nearest(&view, ts.get().into(), dir)?
        .map(|event| (event.id().to_owned(), event.pdu.origin_server_ts()));
    if let Some(gap) = gap_beside(&view.room, ts.get().into())? {
        match asked_for(&api, &request.who.user, &view, gap, ts, dir).await {
            Ok(Some(other)) if found.as_ref().is_none_or(|(_, here)| is_nearer(other.1, *here, dir)) => {
                found = Some(other);
            }
            Ok(_) => {}
            // That there is none is not known.
            Err(error) if found.is_none() => return Err(error),
            Err(error) => tracing::debug!(?error, "an event by its time could not be asked for"),
        }
    }
    let (event, sent) =
        found.ok_or_else(|| MatrixError::not_found("There is no such event in that direction."))?;
    Ok(Answer(Response::new(event, sent)))
}

/// The nearest event that the user may see: where the very nearest is hidden, the next in the timeline.
fn nearest(view: &View, ts: u64, direction: Direction) -> Result<Option<Arc<Event>>> {
    let Some(event) = view.room.event_near(ts, direction == Direction::Backward)? else { return Ok(None) };
    if let [_] = view.visible(vec![event.clone()])?[..] {
        return Ok(Some(event));
    }
    let Some(order) = event.order() else { return Ok(None) };
    let stretch = Stretch { from: TimelineToken::after(order), to: None, direction, limit: 1 };
    Ok(view.messages(stretch, |_| true)?.events.pop())
}

/// Where events around a time are missing here: what was sent right before the next one.
fn gap_beside(room: &Room, ts: u64) -> Result<Option<TimelineOrder>> {
    if !room.is_here() {
        return Ok(None);
    }
    let Some(next) = room.event_near(ts, false)?.and_then(|next| next.order()) else { return Ok(None) };
    Ok(room.gap_within(Some(next.before()), next)?)
}

/// The event that other servers know, if it can be brought here and the user may see it.
async fn asked_for(
    api: &ClientApi,
    user: &UserId,
    view: &View,
    gap: TimelineOrder,
    ts: MilliSecondsSinceUnixEpoch,
    direction: Direction,
) -> Result<Option<(OwnedEventId, MilliSecondsSinceUnixEpoch)>> {
    let asking = async {
        let event = match api.federation.timestamp_to_event(user, &view.room, ts, direction).await {
            Ok((event, _)) => event,
            Err(error) if error.is_refusal() => {
                tracing::debug!(%error, room = %view.room.id(), "no other server knows of an event");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        history::fetch_until(api, &view.room, gap, &event).await?;
        let here = view.event(&event).ok();
        Ok(here.map(|event| (event.id().to_owned(), event.pdu.origin_server_ts())))
    };
    let late = |_| Err(FederationError::Unreachable("no answer came in time".to_owned()).into());
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(late)
}

fn is_nearer(
    one: MilliSecondsSinceUnixEpoch,
    other: MilliSecondsSinceUnixEpoch,
    direction: Direction,
) -> bool {
    match direction {
        Direction::Backward => one > other,
        Direction::Forward => one < other,
    }
}
