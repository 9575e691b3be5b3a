//! `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}`, and the same followed by `/{relType}` and by
//! `/{relType}/{eventType}`

use std::{collections::HashSet, sync::Arc};

use axum::extract::State;
use hearth_rooms::{Event, RelationFilter, Room, RoomError, TimelineRange};
use hearth_storage::blocking;
use hearth_sync::TimelineToken;
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, UInt,
    api::{
        Direction,
        client::relations::{
            get_relating_events::v1::Request as GetRelations,
            get_relating_events_with_rel_type::v1::Request as GetRelationsWithRelType,
            get_relating_events_with_rel_type_and_event_type::v1::Request as GetRelationsWithTypes,
        },
    },
    events::AnyTimelineEvent,
    serde::Raw,
};
use serde::Serialize;

use crate::{
    ClientApi, Json, Request, Requester, Result,
    message::view::{Stretch, View, limit, place},
    state::events::EventWriter,
};

/// How many events are given where the client does not say.
const DEFAULT: usize = 50;
/// How many at most.
const MAX: usize = 200;
/// Over how many relations children are looked for, where those of children are wanted too.
const MAX_DEPTH: u32 = 3;
/// How many children are gathered then.
const MAX_GATHERED: usize = 20_000;

/// What all three answer.
#[derive(Serialize)]
pub struct RelatingEvents {
    chunk: Vec<Raw<AnyTimelineEvent>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recursion_depth: Option<u32>,
}

/// What relates to an event
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid)).
pub async fn get_relations(
    State(api): State<ClientApi>,
    request: Request<GetRelations>,
) -> Result<Json<RelatingEvents>> {
    let GetRelations { room_id, event_id, from, dir, to, limit, recurse, .. } = request.body;
    let filter = RelationFilter::default();
    let query = Query { room_id, event_id, filter, from, to, direction: dir, limit, recurse };
    query.answer(api, request.who).await
}

/// What relates to an event in one way
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltype)).
pub async fn get_relations_with_rel_type(
    State(api): State<ClientApi>,
    request: Request<GetRelationsWithRelType>,
) -> Result<Json<RelatingEvents>> {
    let GetRelationsWithRelType { room_id, event_id, rel_type, from, dir, to, limit, recurse, .. } =
        request.body;
    let filter = RelationFilter { rel_type: Some(rel_type.to_string()), event_type: None };
    let query = Query { room_id, event_id, filter, from, to, direction: dir, limit, recurse };
    query.answer(api, request.who).await
}

/// Events of one type that relate to an event in one way
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype)).
pub async fn get_relations_with_rel_type_and_event_type(
    State(api): State<ClientApi>,
    request: Request<GetRelationsWithTypes>,
) -> Result<Json<RelatingEvents>> {
    let GetRelationsWithTypes {
        room_id, event_id, rel_type, event_type, from, dir, to, limit, recurse, ..
    } = request.body;
    let filter =
        RelationFilter { rel_type: Some(rel_type.to_string()), event_type: Some(event_type.to_string()) };
    let query = Query { room_id, event_id, filter, from, to, direction: dir, limit, recurse };
    query.answer(api, request.who).await
}

/// What all three ask.
struct Query {
    room_id: OwnedRoomId,
    event_id: OwnedEventId,
    filter: RelationFilter,
    from: Option<String>,
    to: Option<String>,
    direction: Direction,
    limit: Option<UInt>,
    recurse: bool,
}

impl Query {
    async fn answer(self, api: ClientApi, who: Requester) -> Result<Json<RelatingEvents>> {
        if !self.recurse {
            return self.read(&api, &who).map(Json);
        }
        // As much as there is to read: not between the other requests.
        blocking(|| self.read(&api, &who)).map(Json)
    }

    fn read(self, api: &ClientApi, who: &Requester) -> Result<RelatingEvents> {
        let (view, parent) = View::with_event(api, &who.user, &self.room_id, &self.event_id)?;
        let stretch = Stretch {
            from: place(self.from.as_deref())?.unwrap_or_else(|| match self.direction {
                Direction::Backward => view.end(),
                Direction::Forward => TimelineToken::start(),
            }),
            to: place(self.to.as_deref())?,
            direction: self.direction,
            limit: limit(self.limit, DEFAULT, MAX),
        };
        let (page, recursion_depth) = if self.recurse {
            let (descendants, depth) = descendants(&view.room, parent.id(), &self.filter)?;
            (view.page(stretch, |range| Ok(within(&descendants, range)), |_| true)?, Some(depth))
        } else {
            let read = |range| view.room.relations(parent.id(), &self.filter, range);
            (view.page(stretch, read, |_| true)?, None)
        };
        Ok(RelatingEvents {
            next_batch: page.next(),
            prev_batch: self.from,
            chunk: EventWriter::new(api, &view.room, who)?.raw(&page.events)?,
            recursion_depth,
        })
    }
}

/// What relates to an event by however many relations, oldest first, and by how many relations it was looked
/// for. Children that the filter does not take are left out, not what relates to them.
fn descendants(
    room: &Room,
    parent: &EventId,
    filter: &RelationFilter,
) -> Result<(Vec<Arc<Event>>, u32), RoomError> {
    let all = RelationFilter::default();
    let mut wanted = Vec::new();
    let mut known = HashSet::from([parent.to_owned()]);
    let mut parents = vec![parent.to_owned()];
    let mut depth = 0;
    while depth < MAX_DEPTH && !parents.is_empty() {
        depth += 1;
        let mut children = Vec::new();
        for parent in parents {
            let range = TimelineRange { limit: MAX_GATHERED - wanted.len(), ..TimelineRange::default() };
            wanted.extend(room.relations(&parent, filter, range)?);
            for child in room.relations(&parent, &all, range)? {
                if known.len() < MAX_GATHERED && known.insert(child.id().to_owned()) {
                    children.push(child.id().to_owned());
                }
            }
        }
        parents = children;
    }
    wanted.sort_by_key(|event| event.order());
    wanted.dedup_by_key(|event| event.nid);
    Ok((wanted, depth))
}

/// Those of the events, which are given oldest first, that are in a range.
fn within(events: &[Arc<Event>], range: TimelineRange) -> Vec<Arc<Event>> {
    let within = events.iter().filter(|event| {
        event.order().is_some_and(|order| {
            range.after.is_none_or(|after| order > after) && range.until.is_none_or(|until| order <= until)
        })
    });
    match range.backwards {
        true => within.rev().take(range.limit).cloned().collect(),
        false => within.take(range.limit).cloned().collect(),
    }
}
