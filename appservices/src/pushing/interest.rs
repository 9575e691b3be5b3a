//! What concerns a service: events of its users and about them, and all of the rooms that they are in or that it named.
//! Nothing here walks a room: it reads those members alone that may be the service's.

use std::{collections::HashMap, sync::Arc};

use hearth_rooms::{Event, Room, Rooms};
use hearth_storage::{
    Position, RoomNid, Scan, StateId, UsersFrom,
    schema::{
        self,
        rooms::{Membership, MembershipRow},
    },
};
use ruma::{OwnedUserId, UserId};

use crate::{PushError, Service};

/// Of how many rooms it is remembered what they are to a service. Then all are forgotten, and read again.
const MAX_ROOMS: usize = 100_000;
/// How many users who came later, or left since, are looked at to know whether one was in a room at an event.
const MAX_LOOKED_AT: usize = 200;

/// What concerns one service. It is asked in the order of the log.
pub(super) struct Interest {
    rooms: Rooms,
    service: Arc<Service>,
    known: HashMap<RoomNid, Known>,
}

/// What a room is to the service, by those of its users who are or were in it.
#[derive(Clone, Copy, Default)]
struct Known {
    /// By its id or an alias.
    always: bool,
    /// Since when one has been in it without a break.
    joined_from: Option<Position>,
    /// When the last of those left who did, or were to come and do not.
    left_until: Position,
}

impl Interest {
    pub fn new(rooms: Rooms, service: Arc<Service>) -> Self {
        Self { rooms, service, known: HashMap::new() }
    }

    /// Whether an event concerns the service, that came at a position.
    pub fn in_event(&mut self, position: Position, event: &Event) -> Result<bool, PushError> {
        if event.is_dummy() {
            return Ok(false);
        }
        if self.service.covers(event.pdu.sender()) || self.subject(event).is_some() {
            return Ok(true);
        }
        let Some(state) = event.state else { return Ok(false) };
        self.in_room(event.room, position, Some(state.after))
    }

    /// The service's user whose membership an event tells.
    pub fn subject<'a>(&self, event: &'a Event) -> Option<&'a UserId> {
        let user = event.pdu.state_key().filter(|_| event.pdu.type_str() == "m.room.member")?;
        <&UserId>::try_from(user).ok().filter(|user| self.service.covers(user))
    }

    /// Whether what happens in a room at a position concerns the service. `state` is the room's then: without it, who
    /// came later or left since was not there.
    pub fn in_room(
        &mut self,
        nid: RoomNid,
        position: Position,
        state: Option<StateId>,
    ) -> Result<bool, PushError> {
        let known = match self.known.get(&nid) {
            Some(known) => *known,
            None => self.read(nid)?,
        };
        if known.always || known.joined_from.is_some_and(|from| from <= position) {
            return Ok(true);
        }
        if known.joined_from.is_none() && known.left_until <= position {
            return Ok(false);
        }
        let Some(state) = state else { return Ok(false) };
        let room = self.rooms.room_by_nid(nid)?;
        for (user, _) in self.users_in(&room, &[Membership::Join, Membership::Leave, Membership::Ban])? {
            if room.membership_at(state, &user)? == Some(Membership::Join) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read(&mut self, nid: RoomNid) -> Result<Known, PushError> {
        let room = self.rooms.room_by_nid(nid)?;
        let mut known = Known { always: self.service.covers_room(room.id()), ..Known::default() };
        if !known.always && !self.service.aliases.is_empty() {
            known.always = room.aliases()?.iter().any(|alias| self.service.aliases.contains(alias.as_str()));
        }
        if !known.always {
            for (_, row) in self.users_in(&room, &[Membership::Join])? {
                let from = known.joined_from.map_or(row.position, |from| from.min(row.position));
                known.joined_from = Some(from);
            }
            for (_, row) in self.users_in(&room, &[Membership::Leave, Membership::Ban])? {
                known.left_until = known.left_until.max(row.position);
            }
        }
        if self.known.len() >= MAX_ROOMS {
            self.known.clear();
        }
        self.known.insert(nid, known);
        Ok(known)
    }

    /// The service's users with one of these memberships in a room, the first so many.
    pub fn users_in(
        &self,
        room: &Room,
        memberships: &[Membership],
    ) -> Result<Vec<(OwnedUserId, MembershipRow)>, PushError> {
        let view = self.rooms.store().view();
        let own = self.rooms.server_name();
        let mut users = Vec::new();
        for membership in memberships.iter().copied() {
            for beginning in self.service.user_beginnings() {
                let first = (room.nid(), membership, own, UsersFrom(&beginning));
                let scan = Scan::prefix((room.nid(), membership, own)).from(first);
                for entry in view.scan(&schema::MEMBERS, scan) {
                    let ((.., user), ()) = entry?;
                    if !user.as_str().starts_with(&beginning) || users.len() >= MAX_LOOKED_AT {
                        break;
                    }
                    if self.service.covers(&user)
                        && let Some(row) = view.get(&schema::MEMBERSHIPS, (room.nid(), &user))?
                    {
                        users.push((user, row));
                    }
                }
            }
        }
        Ok(users)
    }

    /// One of the service's users came to a room or left it, or its aliases changed.
    pub fn forget(&mut self, room: RoomNid) {
        self.known.remove(&room);
    }

    /// It is not known in which rooms that happened.
    pub fn forget_all(&mut self) {
        self.known.clear();
    }
}
