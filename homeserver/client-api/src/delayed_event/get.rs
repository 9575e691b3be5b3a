//! `GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events`, and one of them by its delay id

use axum::extract::State;
use hearth_rooms::{DelayedEvent, Rooms};
use hearth_storage::schema::rooms::DelayedEventEnd;
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::{
        client::delayed_events::{
            DelayedEventData,
            get_all_delayed_events::unstable::{Request as GetAll, Response as All},
            get_delayed_event::unstable::{Request as GetOne, Response as One},
        },
        error::{ErrorKind, StandardErrorBody},
    },
    serde::Raw,
};
use serde::Deserialize;

use crate::{Answer, MatrixError, Request, Result};

/// Which are asked for, beside ruma's request.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    status: Status,
    delay_id: Option<String>,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    #[default]
    Scheduled,
    Finalised,
}

/// The user's delayed events that wait, by `status` those that are done with; the oldest first. There are never more than
/// fit into one answer.
pub async fn get_all_delayed_events(
    State(rooms): State<Rooms>,
    request: Request<GetAll>,
) -> Result<Answer<All>> {
    let wanted: Wanted = request.query()?;
    let mut events = rooms.delayed_events(&request.who.user)?;
    events.retain(|event| event.row.ended.is_some() == (wanted.status == Status::Finalised));
    events.retain(|event| wanted.delay_id.as_ref().is_none_or(|id| *id == event.delay_id));
    events.sort_by_key(|event| event.row.running_since);
    let events: Result<Vec<_>> = events.into_iter().map(told).collect();
    Ok(Answer(All::new(events?)))
}

/// One of the user's delayed events, which may be done with for a while.
pub async fn get_delayed_event(State(rooms): State<Rooms>, request: Request<GetOne>) -> Result<Answer<One>> {
    let mut events = rooms.delayed_events(&request.who.user)?.into_iter();
    let event = events.find(|event| event.delay_id == request.body.delay_id);
    let event = event.ok_or_else(|| MatrixError::not_found("You have no such delayed event."))?;
    Ok(Answer(One::new(told(event)?)))
}

fn told(event: DelayedEvent) -> Result<DelayedEventData> {
    let DelayedEvent { delay_id, room_id, row } = event;
    let mut told = DelayedEventData::new(
        delay_id,
        room_id,
        row.event_type.into(),
        row.state_key,
        Raw::from_json_string(row.content)?,
        std::time::Duration::from_millis(row.delay),
        time(row.running_since),
    );
    if let Some((at, end)) = row.ended {
        told.finalized_ts = Some(time(at));
        match end {
            DelayedEventEnd::Sent(event_id) => told.event_id = Some(event_id),
            DelayedEventEnd::Cancelled => {}
            DelayedEventEnd::Failed { forbidden, reason } => {
                let kind = if forbidden { ErrorKind::Forbidden } else { ErrorKind::Unknown };
                told.error = Some(StandardErrorBody::new(kind, reason));
            }
        }
    }
    Ok(told)
}

fn time(ms: u64) -> MilliSecondsSinceUnixEpoch {
    MilliSecondsSinceUnixEpoch(UInt::new_saturating(ms))
}
