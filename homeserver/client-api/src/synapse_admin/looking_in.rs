//! Looking into rooms, whether one is in them or not
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/rooms.html#room-messages-api)). What is here is
//! told; other servers are not asked.

use std::collections::HashSet;

use axum::{extract::State, response::Response};
use hearth_http::rooms::{
    children::{Child, children},
    summary,
};
use hearth_sync::{EventFilter, TimelineToken};
use ruma::{
    OwnedEventId,
    api::{
        Direction,
        client::{filter::RoomEventFilter, space::SpaceHierarchyRoomsChunk},
    },
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    ClientApi, MatrixError, Result,
    message::{
        context::context,
        view::{Stretch, View, place},
    },
    state::events::EventWriter,
    synapse_admin::{AdminRequest, request, rooms::room, told},
};

/// How many events are given where nothing is said, and at most.
const USUAL: usize = 10;
const MAX: usize = 500;

/// `GET /_synapse/admin/v1/rooms/{roomId}/messages`
pub async fn messages(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        from: Option<String>,
        to: Option<String>,
        #[serde(default)]
        dir: request::Direction,
        limit: Option<usize>,
    }
    let Query { from, to, dir, limit } = request.query()?;
    let filter = filter(&request)?;
    let filter = EventFilter::of(&filter);
    let view = whole_room(&api, &request)?;
    let direction = match dir {
        request::Direction::Forward => Direction::Forward,
        request::Direction::Backward => Direction::Backward,
    };
    let begin = place(from.as_deref())?.unwrap_or_else(|| match direction {
        Direction::Backward => view.end(),
        Direction::Forward => TimelineToken::start(),
    });
    let limit = limit.unwrap_or(USUAL).min(MAX);
    let stretch = Stretch { from: begin, to: place(to.as_deref())?, direction, limit };
    let page = view.messages(stretch, |event| filter.matches(event))?;
    let start = from.unwrap_or_else(|| begin.to_string());
    let mut chunk = String::new();
    EventWriter::new(&api, &view.room, &request.who)?.write_list(&page.events, &mut chunk)?;
    let mut answer = json!({ "chunk": RawValue::from_string(chunk)? });
    if page.more || !page.events.is_empty() {
        answer["end"] = page.reached.unlike(&start).into();
    }
    answer["start"] = start.into();
    Ok(told(answer))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/context/{eventId}`
pub async fn event_context(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        limit: Option<usize>,
    }
    let event: OwnedEventId = request.argument(1)?;
    let filter = filter(&request)?;
    let limit = request.query::<Query>()?.limit.unwrap_or(USUAL);
    let view = whole_room(&api, &request)?;
    let found = context(&api, &request.who, &view, &event, &EventFilter::of(&filter), limit)?;
    Ok(told(serde_json::to_value(found)?))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/timestamp_to_event`
pub async fn timestamp_to_event(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        ts: u64,
        #[serde(default)]
        dir: request::Direction,
    }
    let Query { ts, dir } = request.query()?;
    let found = room(&api, &request)?.event_near(ts, dir == request::Direction::Backward)?;
    let event = found.ok_or_else(|| MatrixError::not_found("There is no event in that direction."))?;
    Ok(told(json!({ "event_id": event.id(), "origin_server_ts": event.ts() })))
}

/// `GET /_synapse/admin/v1/fetch_event/{eventId}`
pub async fn fetch_event(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let id: OwnedEventId = request.argument(0)?;
    let event =
        api.rooms.event_by_id(&id)?.ok_or_else(|| MatrixError::not_found("There is no such event."))?;
    let mut told_event: Value = serde_json::from_str(event.pdu.text())?;
    told_event["event_id"] = json!(id);
    Ok(told(json!({ "event": told_event })))
}

/// How many rooms of a space are given where nothing is said, and at most; and how many are looked at for that.
const USUAL_ROOMS: usize = 50;
const MAX_ROOMS: usize = 500;
const MAX_VISITED: usize = 10_000;

/// `GET /_synapse/admin/v1/rooms/{roomId}/hierarchy`: those that are here, depth first, each once.
pub async fn hierarchy(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        /// How many were given.
        #[serde(default)]
        from: usize,
        limit: Option<usize>,
        max_depth: Option<usize>,
    }
    let Query { from, limit, max_depth } = request.query()?;
    let (limit, max_depth) = (limit.unwrap_or(USUAL_ROOMS).min(MAX_ROOMS), max_depth.unwrap_or(usize::MAX));
    let mut ahead = vec![(room(&api, &request)?, 0)];
    let (mut seen, mut at, mut chunk) = (HashSet::new(), 0, Vec::new());
    let mut next_batch = None;
    while let Some((room, depth)) = ahead.pop() {
        if seen.len() == MAX_VISITED || !seen.insert(room.id().to_owned()) {
            continue;
        }
        if chunk.len() == limit {
            next_batch = Some(at.to_string());
            break;
        }
        let below = children(&room, false)?;
        if at >= from {
            let state = below.iter().map(Child::stripped).collect::<Result<_>>()?;
            chunk.push(SpaceHierarchyRoomsChunk::new(summary::described(room.summary()?), state));
        }
        at += 1;
        if depth < max_depth {
            for child in below.iter().rev() {
                ahead.extend(api.rooms.find_room(&child.room)?.map(|room| (room, depth + 1)));
            }
        }
    }
    let mut answer = json!({ "rooms": serde_json::to_value(chunk)? });
    if let Some(next) = next_batch {
        answer["next_batch"] = next.into();
    }
    Ok(told(answer))
}

fn whole_room(api: &ClientApi, request: &AdminRequest) -> Result<View> {
    Ok(View::of_all(api, &request.who.user, room(api, request)?))
}

/// The filter of the query, which is JSON in a text.
fn filter(request: &AdminRequest) -> Result<RoomEventFilter> {
    #[derive(Deserialize)]
    struct Query {
        filter: Option<String>,
    }
    match request.query::<Query>()?.filter {
        Some(filter) => Ok(serde_json::from_str(&filter)?),
        None => Ok(RoomEventFilter::default()),
    }
}
