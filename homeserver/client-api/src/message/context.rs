//! `GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}`

use std::{collections::HashSet, sync::Arc};

use axum::extract::State;
use hearth_rooms::Event;
use hearth_sync::{EventFilter, TimelineToken};
use ruma::{
    EventId,
    api::{Direction, client::context::get_context::v3::Request as GetContext},
    events::{AnyStateEvent, AnyTimelineEvent},
    serde::Raw,
};
use serde::Serialize;

use crate::{
    ClientApi, Json, Request, Requester, Result,
    message::view::{Page, Stretch, View, no_such_event},
    state::events::EventWriter,
};

/// How many events are given besides the one asked for, at most.
const MAX: usize = 200;

/// The answer, which has all its lists also where they are empty: clients count on them.
#[derive(Serialize)]
pub struct Context {
    start: String,
    end: String,
    events_before: Vec<Raw<AnyTimelineEvent>>,
    event: Raw<AnyTimelineEvent>,
    events_after: Vec<Raw<AnyTimelineEvent>>,
    state: Vec<Raw<AnyStateEvent>>,
}

/// What was sent right before and after an event, and the room's state then
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid)).
pub async fn get_context(
    State(api): State<ClientApi>,
    request: Request<GetContext>,
) -> Result<Json<Context>> {
    let Request { body, who, .. } = request;
    let view = View::of(&api, &who.user, &body.room_id)?;
    let limit = usize::try_from(body.limit).unwrap_or(MAX);
    Ok(Json(context(&api, &who, &view, &body.event_id, &EventFilter::of(&body.filter), limit)?))
}

/// The same of a room as somebody sees it.
pub(crate) fn context(
    api: &ClientApi,
    who: &Requester,
    view: &View,
    event_id: &EventId,
    filter: &EventFilter<'_>,
    limit: usize,
) -> Result<Context> {
    let event = view.event(event_id)?;
    let limit = limit.min(MAX);
    let Around { before, after } =
        Around::read(view, &event, limit / 2, limit - limit / 2, |event| filter.matches(event))?;
    let mut writer = EventWriter::new(api, &view.room, who)?;
    let last = after.events.last().unwrap_or(&event);
    let state = state_at(view, last, filter, [&before.events, &after.events, &vec![event.clone()]])?;
    Ok(Context {
        start: before.reached.to_string(),
        end: after.reached.to_string(),
        events_before: writer.raw(&before.events)?,
        event: writer.raw(&[event])?.remove(0),
        events_after: writer.raw(&after.events)?,
        state: writer.raw(&state)?,
    })
}

/// What was sent around an event.
pub(crate) struct Around {
    /// Newest first.
    pub(crate) before: Page,
    /// Oldest first.
    pub(crate) after: Page,
}

impl Around {
    /// Reads so many events before and after one. What was before a gap is not told as if it came right before: whoever
    /// goes on from `start` has it filled.
    pub(crate) fn read(
        view: &View,
        event: &Event,
        before: usize,
        after: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Self> {
        let order = event.order().ok_or_else(no_such_event)?;
        let gap = view.room.gap_within(None, order)?.map(TimelineToken::before);
        let page =
            |from, to, direction, limit| view.messages(Stretch { from, to, direction, limit }, &wanted);
        Ok(Self {
            before: page(TimelineToken::before(order), gap, Direction::Backward, before)?,
            after: page(TimelineToken::after(order), None, Direction::Forward, after)?,
        })
    }
}

/// The state after an event, without the members who sent none of the events where members are loaded lazily.
fn state_at(
    view: &View,
    last: &Event,
    filter: &EventFilter<'_>,
    told: [&Vec<Arc<Event>>; 3],
) -> Result<Vec<Arc<Event>>> {
    let Some(around) = last.state else { return Ok(Vec::new()) };
    let senders: HashSet<&str> =
        told.into_iter().flatten().map(|event| event.pdu.sender().as_str()).collect();
    let mut state = view.room.full_state(around.after)?;
    state.retain(|event| {
        let member = event.pdu.state_key().filter(|_| event.pdu.type_str() == "m.room.member");
        filter.matches(event) && (filter.lazy.is_none() || member.is_none_or(|key| senders.contains(key)))
    });
    Ok(state)
}
