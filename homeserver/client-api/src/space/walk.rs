//! A walk through a tree of spaces, over servers.

use std::{collections::HashSet, time::Duration};

use hearth_federation::FederationError;
use hearth_http::rooms::{
    children::{Child, children},
    discover::{Asker, may_discover},
    summary::described,
};
use hearth_rooms::Room;
use ruma::{
    OwnedRoomId, OwnedServerName, UserId,
    api::{client::space::SpaceHierarchyRoomsChunk, federation::space::get_hierarchy::v1::Response as Told},
    events::space::child::HierarchySpaceChildEvent,
    room::{RoomSummary, RoomType},
};
use tokio::time::Instant;

use crate::{
    ClientApi, Result,
    room::{access, elsewhere},
};

/// After so many rooms a tree is taken to end.
const MAX_ROOMS: usize = 10_000;
/// As many children of a space of another server are visited.
const MAX_CHILDREN: usize = 500;
/// How many rooms other servers are asked for in one walk, and for how long: of the rest nothing is told. Clients give
/// up after 30 s.
const MAX_ASKED: usize = 50;
const PATIENCE: Duration = Duration::from_secs(15);

/// A walk through a tree of spaces, depth first, each room once.
pub(super) struct Walk<'a> {
    api: &'a ClientApi,
    user: &'a UserId,
    suggested_only: bool,
    max_depth: usize,
    seen: HashSet<OwnedRoomId>,
    /// Rooms still to be visited with their depth, the next one last.
    ahead: Vec<(Place, usize)>,
    asked: usize,
    until: Instant,
}

/// A room on the way.
struct Place {
    room: OwnedRoomId,
    via: Vec<OwnedServerName>,
    /// What the server said of it that told of its space.
    told: Option<RoomSummary>,
}

/// A room that the user may see, and what is below.
type Visited = (SpaceHierarchyRoomsChunk, Vec<Place>);

impl<'a> Walk<'a> {
    pub(super) fn new(
        api: &'a ClientApi,
        user: &'a UserId,
        root: OwnedRoomId,
        max_depth: usize,
        suggested_only: bool,
    ) -> Self {
        let root = Place { room: root, via: Vec::new(), told: None };
        Self {
            api,
            user,
            suggested_only,
            max_depth,
            seen: HashSet::new(),
            ahead: vec![(root, 0)],
            asked: 0,
            until: Instant::now() + PATIENCE,
        }
    }

    /// The next room that the user may see. Nothing when the first one is not such a room, as then nothing is
    /// below it either; that no server answers now that could tell is an error.
    pub(super) async fn next(&mut self) -> Result<Option<SpaceHierarchyRoomsChunk>> {
        while let Some((place, depth)) = self.ahead.pop() {
            if self.seen.len() == MAX_ROOMS || !self.seen.insert(place.room.clone()) {
                continue;
            }
            let visited = match access::current_room(&self.api.rooms, &place.room)? {
                Some(room) => self.visit(&room)?,
                None => self.visit_elsewhere(place).await?,
            };
            let Some((chunk, below)) = visited else { continue };
            if depth < self.max_depth {
                self.ahead.extend(below.into_iter().rev().map(|place| (place, depth + 1)));
            }
            return Ok(Some(chunk));
        }
        Ok(None)
    }

    fn visit(&self, room: &Room) -> Result<Option<Visited>> {
        let summary = room.summary()?;
        if !may_discover(&self.api.rooms, room, &summary, Asker::User(self.user))? {
            return Ok(None);
        }
        let is_space = summary.room_type.as_deref() == Some("m.space");
        let children = if is_space { children(room, self.suggested_only)? } else { Vec::new() };
        let state = children.iter().map(Child::stripped).collect::<Result<_>>()?;
        let below = children.into_iter().map(|child| Place { room: child.room, via: child.via, told: None });
        Ok(Some((SpaceHierarchyRoomsChunk::new(described(summary), state), below.collect())))
    }

    async fn visit_elsewhere(&mut self, place: Place) -> Result<Option<Visited>> {
        // Below what is no space there is nothing to ask for.
        if let Some(told) = place.told
            && told.room_type != Some(RoomType::Space)
        {
            let visible = elsewhere::may_discover(&self.api.rooms, &told, self.user)?;
            return Ok(visible.then(|| (SpaceHierarchyRoomsChunk::new(told, Vec::new()), Vec::new())));
        }
        if self.asked == MAX_ASKED || Instant::now() > self.until {
            return Ok(None);
        }
        self.asked += 1;
        let asking = self.api.federation.hierarchy(self.user, &place.room, &place.via, self.suggested_only);
        let in_time = tokio::time::timeout_at(self.until, asking).await;
        let late = || Err(FederationError::Unreachable("no answer came in time".to_owned()));
        let answer = match in_time.unwrap_or_else(|_| late()) {
            Ok(answer) if answer.room.summary.room_id == place.room => answer,
            Ok(_) => return Ok(None),
            Err(error) if self.seen.len() == 1 && !error.is_refusal() => return Err(error.into()),
            Err(error) => {
                tracing::debug!(room = %place.room, %error, "no server tells of a room in a space");
                return Ok(None);
            }
        };
        if !elsewhere::may_discover(&self.api.rooms, &answer.room.summary, self.user)? {
            return Ok(None);
        }
        let below = below(&answer);
        let mut state = answer.room.children_state;
        state.truncate(MAX_CHILDREN);
        Ok(Some((SpaceHierarchyRoomsChunk::new(answer.room.summary, state), below)))
    }
}

/// The children of a space as another server tells them, in their order.
fn below(answer: &Told) -> Vec<Place> {
    let state = answer.room.children_state.iter().take(MAX_CHILDREN);
    let mut children: Vec<HierarchySpaceChildEvent> =
        state.filter_map(|event| event.deserialize().ok()).collect();
    children.sort();
    let accessible = |child: &HierarchySpaceChildEvent| {
        !child.content.via.is_empty() && !answer.inaccessible_children.contains(&child.state_key)
    };
    let place = |child: HierarchySpaceChildEvent| {
        let told = answer.children.iter().find(|told| told.room_id == child.state_key).cloned();
        Place { room: child.state_key, via: child.content.via, told }
    };
    children.into_iter().filter(accessible).map(place).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn summary(id: &str) -> Value {
        json!({
            "room_id": id, "num_joined_members": 1, "world_readable": false, "guest_can_join": false,
            "join_rule": "public",
        })
    }

    fn child(id: &str, via: &[&str], order: &str) -> Value {
        json!({
            "type": "m.space.child", "state_key": id, "sender": "@a:there", "origin_server_ts": 1,
            "content": { "via": via, "order": order },
        })
    }

    #[test]
    fn what_another_server_tells_is_in_order_and_without_what_nobody_here_may_see() {
        let mut room = summary("!space:there");
        let children = [
            child("!b:there", &["there"], "b"),
            child("!a:there", &["there", "x"], "a"),
            child("!secret:there", &["there"], "c"),
            child("!gone:there", &[], "d"),
        ];
        room["children_state"] = json!(children);
        let mut answer = Told::new(serde_json::from_value(room).unwrap());
        answer.children = vec![serde_json::from_value(summary("!b:there")).unwrap()];
        answer.inaccessible_children = vec!["!secret:there".try_into().unwrap()];
        let below = below(&answer);
        let told: Vec<_> = below.iter().map(|place| (place.room.as_str(), place.told.is_some())).collect();
        assert_eq!(told, [("!a:there", false), ("!b:there", true)]);
        assert_eq!(below[0].via, ["there", "x"]);
    }
}
