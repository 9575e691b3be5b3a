//! `GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event`

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::Event;
use hearth_sync::TimelineToken;
use ruma::api::{
    Direction,
    client::room::get_event_by_timestamp::v1::{Request as TimestampToEvent, Response},
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result,
    message::view::{Stretch, View},
};

/// The event nearest to a time
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event)).
pub async fn timestamp_to_event(
    State(api): State<ClientApi>,
    request: Request<TimestampToEvent>,
) -> Result<Answer<Response>> {
    let TimestampToEvent { room_id, ts, dir, .. } = request.body;
    let view = View::of(&api, &request.who.user, &room_id)?;
    let event = nearest(&view, ts.get().into(), dir)?;
    let event = event.ok_or_else(|| MatrixError::not_found("There is no such event in that direction."))?;
    Ok(Answer(Response::new(event.id().to_owned(), event.pdu.origin_server_ts())))
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
