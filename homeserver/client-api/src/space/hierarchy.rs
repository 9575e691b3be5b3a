//! `GET /_matrix/client/v1/rooms/{roomId}/hierarchy`

use std::{cmp::Ordering, collections::HashSet, sync::Arc};

use axum::extract::State;
use hearth_rooms::{Event, Room, Rooms};
use ruma::{
    OwnedRoomId, UInt, UserId,
    api::client::space::{
        SpaceHierarchyRoomsChunk,
        get_hierarchy::v1::{Request as GetHierarchy, Response},
    },
    events::space::child::HierarchySpaceChildEvent,
    serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Answer, MatrixError, Request, Result,
    room::{access, summary::described},
};

/// How many rooms a page holds at most, and how deep below the first room they are.
const MAX_PAGE: usize = 50;
const MAX_DEPTH: usize = 32;
/// After so many rooms a tree is taken to end.
const MAX_ROOMS: usize = 10_000;

/// The rooms below a space, depth first
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy)).
pub async fn get_space_hierarchy(
    State(rooms): State<Rooms>,
    request: Request<GetHierarchy>,
) -> Result<Answer<Response>> {
    let GetHierarchy { room_id, from, limit, max_depth, suggested_only, .. } = request.body;
    if limit == Some(UInt::MIN) {
        return Err(MatrixError::invalid_param("`limit` must be greater than 0."));
    }
    let size = |number: Option<UInt>| number.and_then(|number| usize::try_from(number).ok());
    let limit = size(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE);
    let max_depth = size(max_depth).unwrap_or(MAX_DEPTH).min(MAX_DEPTH);
    let skip = from.as_deref().map(|from| begin(from, max_depth, suggested_only)).transpose()?.unwrap_or(0);

    let mut walk = Walk {
        rooms: &rooms,
        user: &request.who.user,
        suggested_only,
        max_depth,
        seen: HashSet::new(),
        ahead: vec![(room_id, 0)],
    };
    let root =
        walk.next()?.ok_or_else(|| MatrixError::forbidden("You are not allowed to view this room."))?;
    let mut response = Response::new();
    let (mut at, mut next) = (0, Some(root));
    while let Some(chunk) = next {
        if at == skip + limit {
            response.next_batch = Some(batch(at, max_depth, suggested_only));
            break;
        }
        if at >= skip {
            response.rooms.push(chunk);
        }
        at += 1;
        next = walk.next()?;
    }
    Ok(Answer(response))
}

/// A token: how many rooms were given, and what may not change meanwhile.
fn batch(given: usize, max_depth: usize, suggested_only: bool) -> String {
    format!("s1_{given}_{max_depth}_{}", u8::from(suggested_only))
}

/// How many rooms a token says were given.
fn begin(from: &str, max_depth: usize, suggested_only: bool) -> Result<usize> {
    let given = from.strip_prefix("s1_").and_then(|rest| rest.split_once('_')?.0.parse().ok());
    given.filter(|given| batch(*given, max_depth, suggested_only) == from).ok_or_else(|| {
        MatrixError::invalid_param(
            "`from` is no token of this server, or `max_depth` or `suggested_only` changed.",
        )
    })
}

/// A walk through a tree of spaces, each room once.
struct Walk<'a> {
    rooms: &'a Rooms,
    user: &'a UserId,
    suggested_only: bool,
    max_depth: usize,
    seen: HashSet<OwnedRoomId>,
    /// Rooms still to be visited with their depth, the next one last.
    ahead: Vec<(OwnedRoomId, usize)>,
}

impl Walk<'_> {
    /// The next room that the user may see. Nothing when the first one is not such a room, as then nothing is
    /// below it either.
    fn next(&mut self) -> Result<Option<SpaceHierarchyRoomsChunk>> {
        while let Some((id, depth)) = self.ahead.pop() {
            if self.seen.len() == MAX_ROOMS || !self.seen.insert(id.clone()) {
                continue;
            }
            let Some(room) = self.rooms.find_room(&id)? else { continue };
            let summary = room.summary()?;
            if !access::may_discover(self.rooms, &room, &summary, Some(self.user))? {
                continue;
            }
            let is_space = summary.room_type.as_deref() == Some("m.space");
            let children = if is_space { self.children(&room)? } else { Vec::new() };
            if depth < self.max_depth {
                self.ahead.extend(children.iter().rev().map(|child| (child.room.clone(), depth + 1)));
            }
            let children_state = children.iter().map(Child::stripped).collect::<Result<_>>()?;
            return Ok(Some(SpaceHierarchyRoomsChunk::new(described(summary), children_state)));
        }
        Ok(None)
    }

    /// The children of a space in their order ("Ordering of children within a space").
    fn children(&self, space: &Room) -> Result<Vec<Child>> {
        let events = space.state_of_type(space.head().state, "m.space.child")?;
        let children = events.into_iter().filter_map(Child::of);
        let mut children: Vec<Child> =
            children.filter(|child| child.suggested || !self.suggested_only).collect();
        children.sort_by(Child::compare);
        Ok(children)
    }
}

/// A valid child of a space.
struct Child {
    room: OwnedRoomId,
    order: Option<String>,
    suggested: bool,
    event: Arc<Event>,
}

impl Child {
    fn of(event: Arc<Event>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            via: Vec<serde_json::Value>,
            order: Option<serde_json::Value>,
            suggested: Option<serde_json::Value>,
        }
        let content: Content = serde_json::from_str(event.pdu.content_str()).ok()?;
        let room = OwnedRoomId::try_from(event.pdu.state_key()?).ok().filter(|_| !content.via.is_empty())?;
        let valid =
            |order: &str| order.len() <= 50 && order.bytes().all(|byte| (0x20..=0x7E).contains(&byte));
        let order = content.order.as_ref().and_then(|order| order.as_str()).filter(|order| valid(order));
        Some(Self {
            room,
            order: order.map(str::to_owned),
            suggested: content.suggested == Some(true.into()),
            event,
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let unordered = self.order.is_none().cmp(&other.order.is_none());
        let sent = |child: &Self| child.event.pdu.origin_server_ts();
        unordered
            .then_with(|| self.order.cmp(&other.order))
            .then_with(|| sent(self).cmp(&sent(other)))
            .then_with(|| self.room.cmp(&other.room))
    }

    /// The event as a stripped one that says when it was sent.
    fn stripped(&self) -> Result<Raw<HierarchySpaceChildEvent>> {
        #[derive(Serialize)]
        struct Stripped<'a> {
            r#type: &'a str,
            state_key: &'a str,
            content: &'a RawValue,
            sender: &'a UserId,
            origin_server_ts: u64,
        }
        let pdu = &self.event.pdu;
        let stripped = Stripped {
            r#type: pdu.type_str(),
            state_key: self.room.as_str(),
            content: pdu.content(),
            sender: pdu.sender(),
            origin_server_ts: pdu.origin_server_ts().get().into(),
        };
        Ok(Raw::from_json(serde_json::value::to_raw_value(&stripped)?))
    }
}
