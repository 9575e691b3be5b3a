//! Sticky events (MSC4480): those of all rooms that are asked for, in view or not, told until the client says by a token of
//! their own that it has them.

use std::collections::HashSet;

use hearth_rooms::{Room, StickyEvent};
use hearth_storage::{EventNid, Position, RoomNid, schema::rooms::Membership};

use super::{Limited, RoomParts};
use crate::{
    EventForm, SyncError,
    json::{Events, Object},
    online::{Candidates, UserRoom},
    response::as_told,
    scope::Scope,
    sliding::request::Asked,
    token::{Base36, base36},
};

/// How many are told at once at most, and where the client does not say.
const MAX: usize = 100;

/// What is asked of sticky events.
pub struct Sticky<'a> {
    pub scope: &'a Scope<'a>,
    pub asked: &'a Asked,
    /// The token that the client has.
    pub since: Option<&'a str>,
    /// Where something may have changed since the answer that the client has.
    pub changed: &'a Candidates,
    /// Events that the same answer tells in timelines.
    pub in_timelines: &'a HashSet<EventNid>,
}

/// A sticky event that the user has not been told.
struct Untold {
    /// When the user could be told first: when it came, or when they joined.
    at: Position,
    room: Room,
    sticky: StickyEvent,
}

impl Sticky<'_> {
    /// Writes the oldest that the client does not have. Says whether there were any.
    pub fn write(&self, object: &mut Object<'_>) -> Result<bool, SyncError> {
        let limit = self.limited().limit(MAX);
        let after = told_sticky(self.since)?;
        let mut untold = self.untold(after)?;
        untold.sort_by_key(|untold| (untold.at, untold.sticky.position));
        let mut through = self.scope.upto.log.max(after);
        if untold.len() > limit {
            // What a user could be told first at the same time is told together: the token says no more than that.
            through = untold[limit - 1].at;
            untold.retain(|untold| untold.at <= through);
        }
        let token = format!("k1_{}", Base36(through.0));
        if self.since != Some(&token) {
            object.text("next_batch", &token);
        }
        untold.retain(|untold| !self.in_timelines.contains(&untold.sticky.event.nid));
        if untold.is_empty() {
            return Ok(false);
        }
        let mut parts = RoomParts::default();
        untold.sort_by_key(|untold| untold.room.nid());
        for of_room in untold.chunk_by(|one, other| one.room.nid() == other.room.nid()) {
            let room = &of_room[0].room;
            let (mut writer, mut events) = (self.scope.client_events(room), Events::default());
            for untold in of_room {
                writer.write(&untold.sticky.event, EventForm::WithoutRoomId, events.item())?;
            }
            events.write(parts.room(room.id()));
        }
        parts.write(object);
        Ok(true)
    }

    fn limited(&self) -> &Limited {
        &self.asked.extensions.sticky
    }

    /// The sticky events after a position of the rooms that are asked for, and all of those that were joined since.
    fn untold(&self, after: Position) -> Result<Vec<Untold>, SyncError> {
        let scope = self.scope;
        let mut untold = Vec::new();
        for (nid, is) in self.rooms(after)? {
            let room = scope.rooms.room_by_nid(nid)?;
            let Some(is) = as_told(scope, Some(&room), is)?.filter(|is| is.membership == Membership::Join)
            else {
                continue;
            };
            let from = if is.position > after { Position(0) } else { after };
            for sticky in room.sticky_since(from, scope.upto.log)? {
                if !scope.ignored.contains(sticky.event.pdu.sender()) {
                    let at = sticky.position.max(is.position);
                    untold.push(Untold { at, room: room.clone(), sticky });
                }
            }
        }
        Ok(untold)
    }

    /// The rooms of lists and subscriptions that may have some: of who has all up to the answer before, those that
    /// changed; else all that have any.
    fn rooms(&self, after: Position) -> Result<Vec<(RoomNid, UserRoom)>, SyncError> {
        let scope = self.scope;
        let follows = scope.since.is_some_and(|since| after >= since.log()) && !self.changed.all;
        let mut rooms = match follows {
            true => self.changed.rooms.clone(),
            false => {
                let rooms = scope.rooms.rooms_with_sticky()?.into_iter();
                rooms.filter_map(|room| Some((room, scope.online.room(room)?))).collect()
            }
        };
        rooms.retain(|(_, is)| is.membership == Membership::Join);
        if rooms.is_empty() {
            return Ok(rooms);
        }
        let mut asked_for: HashSet<RoomNid> = HashSet::new();
        for id in self.asked.subscriptions.keys() {
            asked_for.extend(scope.rooms.nid_of(id)?);
        }
        let mut lists = scope.online.lists.lock();
        for list in &self.asked.lists {
            let listed = lists.filtered(scope, &list.filters)?;
            asked_for.extend(rooms.iter().map(|(room, _)| *room).filter(|room| listed.contains(*room)));
        }
        rooms.retain(|(room, _)| asked_for.contains(room));
        Ok(rooms)
    }
}

/// Up to where a client has sticky events, by the token that it was given.
fn told_sticky(since: Option<&str>) -> Result<Position, SyncError> {
    let Some(since) = since else { return Ok(Position(0)) };
    let position = since.strip_prefix("k1_").and_then(|text| base36(text).ok());
    position
        .map(Position)
        .ok_or_else(|| SyncError::InvalidRequest("the since of sticky events is no token".to_owned()))
}
