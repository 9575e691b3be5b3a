//! What has happened in a room since a connection was told of it.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use hearth_push::UnreadCounts;
use hearth_rooms::{Event, Room};
use hearth_storage::{
    Position, RoomNid, StateId, TimelineOrder,
    schema::rooms::{Membership, StateKeyRow},
};
use ruma::{OwnedUserId, UserId};

use super::{
    bump::bump_stamp,
    config::RoomConfig,
    connection::{Connection, Told},
};
use crate::{
    SyncError,
    filter::EventFilter,
    online::UserRoom,
    room_update::{StrippedRoom, Summary, Timeline, TimelineRequest, stripped_room},
    scope::Scope,
};

const MEMBER: &str = "m.room.member";

/// A room that is to be read.
pub(super) struct ToTell<'a> {
    pub nid: RoomNid,
    /// `None` for one of which only an invite, a knock or the end of one is known.
    pub room: Option<&'a Room>,
    /// What the user is to it, where what is told ends.
    pub is: UserRoom,
    pub config: &'a RoomConfig,
    /// `None` for a room that the client knows nothing of.
    pub known: Option<Known<'a>>,
    /// The room is a direct chat.
    pub direct: bool,
    /// Unread counts are told.
    pub counts: bool,
    /// The user has read something.
    pub has_read: bool,
}

/// What the client knows of a room.
pub(super) struct Known<'a> {
    /// Up to where it was told.
    pub told: Position,
    /// How it was asked for then.
    pub config: &'a RoomConfig,
    /// It was told that the room is a direct chat.
    pub direct: bool,
    /// With which `pos` the client comes.
    pub since: Told,
}

/// What there is to tell of a room.
pub(super) enum RoomTold {
    Seen(Box<Seen>),
    /// The user is invited, or has knocked.
    Stripped(StrippedRoom),
}

/// What there is to tell of a room that the user may look into.
#[derive(Default)]
pub(super) struct Seen {
    /// The client knows nothing of the room but this.
    pub initial: bool,
    /// More of the timeline is told than came since.
    pub expanded: bool,
    pub timeline: Timeline,
    /// How many of the events came since what the client was told last.
    pub num_live: usize,
    pub state: Vec<Arc<Event>>,
    /// Pieces of state that are there no more.
    pub removed: Vec<Arc<StateKeyRow>>,
    /// Where it changed; an empty event for one that is gone.
    pub name: Option<Option<Arc<Event>>>,
    pub avatar: Option<Option<Arc<Event>>>,
    pub summary: Option<Summary>,
    /// The members by whom the room is called.
    pub heroes: Vec<Arc<Event>>,
    pub bump_stamp: Option<Position>,
    /// Whether it is a direct chat, where that changed.
    pub direct: Option<bool>,
    pub unread: Option<UnreadCounts>,
    /// Whom lazy loading tells of.
    pub members: Vec<OwnedUserId>,
}

impl Seen {
    fn is_empty(&self) -> bool {
        !self.initial
            && self.timeline.events.is_empty()
            && !self.timeline.limited
            && self.state.is_empty()
            && self.removed.is_empty()
            && self.name.is_none()
            && self.avatar.is_none()
            && self.summary.is_none()
            && self.direct.is_none()
            && self.unread.is_none()
    }
}

/// Where a room ends for a user: where what is told ends, or at the leave.
struct End {
    order: TimelineOrder,
    state: StateId,
}

/// Reads a room; `None` where there is nothing to tell.
pub(super) fn read(
    scope: &Scope<'_>,
    connection: &Connection,
    to_tell: ToTell<'_>,
) -> Result<Option<RoomTold>, SyncError> {
    let ToTell { nid, room, is, .. } = to_tell;
    match (is.membership, room) {
        (Membership::Invite | Membership::Knock, _) => {
            if to_tell.known.is_some_and(|known| known.told >= is.position) {
                return Ok(None);
            }
            Ok(stripped_room(scope, nid, room)?.map(RoomTold::Stripped))
        }
        (Membership::Leave | Membership::Ban, None) => left_elsewhere(scope, &to_tell),
        (_, None) => Ok(None),
        (Membership::Join, Some(room)) => {
            let end = End { order: scope.upto.log.into(), state: room.state_at_position(scope.upto.log)? };
            Reading::new(scope, connection, room, &to_tell, end)?.read()
        }
        (Membership::Leave | Membership::Ban, Some(room)) => left(scope, connection, room, &to_tell),
    }
}

/// A room that the user has left: told up to the leave. Of a room that was never shown to the client nothing is told, unless
/// the user was in it.
fn left(
    scope: &Scope<'_>,
    connection: &Connection,
    room: &Room,
    to_tell: &ToTell<'_>,
) -> Result<Option<RoomTold>, SyncError> {
    if to_tell.known.as_ref().is_some_and(|known| known.told >= to_tell.is.position) {
        return Ok(None);
    }
    let forgotten = scope.rooms.user_room(scope.user, to_tell.nid)?.is_some_and(|row| row.forgotten);
    let now = room.state_at_position(scope.upto.log)?;
    let leave = room.state_event_at(now, MEMBER, scope.user.as_str())?;
    let place = leave.as_ref().and_then(|leave| Some((leave.order()?, leave.state?)));
    let was_joined = match place {
        Some((_, around)) => room.membership_at(around.before, scope.user)? == Some(Membership::Join),
        None => false,
    };
    match place {
        Some((order, around)) if was_joined && !(forgotten && to_tell.known.is_none()) => {
            let end = End { order, state: around.after };
            let mut told = Reading::new(scope, connection, room, to_tell, end)?.read()?;
            if let Some(RoomTold::Seen(seen)) = &mut told
                && let Some(leave) = leave
                && seen.state.iter().all(|event| event.nid != leave.nid)
            {
                // By it clients see that the room is left.
                seen.state.push(leave);
            }
            Ok(told)
        }
        _ if to_tell.known.is_none() => Ok(None),
        _ => Ok(Some(only_leave(leave))),
    }
}

/// A room that was never here, an invite to which was declined or withdrawn: the leave is all that is known of it.
fn left_elsewhere(scope: &Scope<'_>, to_tell: &ToTell<'_>) -> Result<Option<RoomTold>, SyncError> {
    if to_tell.known.as_ref().is_none_or(|known| known.told >= to_tell.is.position) {
        return Ok(None);
    }
    let row = scope.rooms.user_room(scope.user, to_tell.nid)?;
    let leave = row.map(|row| scope.rooms.event(row.event)).transpose()?.flatten();
    Ok(Some(only_leave(leave)))
}

fn only_leave(leave: Option<Arc<Event>>) -> RoomTold {
    let state = leave.into_iter().collect();
    RoomTold::Seen(Box::new(Seen { initial: true, state, ..Seen::default() }))
}

/// A room that the user may look into, up to an end.
struct Reading<'a> {
    scope: &'a Scope<'a>,
    connection: &'a Connection,
    room: &'a Room,
    to_tell: &'a ToTell<'a>,
    end: End,
    /// What the client knows, and the state there; `None` for a room that is new to it.
    known: Option<(&'a Known<'a>, StateId)>,
}

impl<'a> Reading<'a> {
    fn new(
        scope: &'a Scope<'a>,
        connection: &'a Connection,
        room: &'a Room,
        to_tell: &'a ToTell<'a>,
        end: End,
    ) -> Result<Self, SyncError> {
        let mut known = None;
        if let Some(before) = &to_tell.known {
            let state = room.state_at_position(before.told)?;
            // Of a room that it was not in the client knows nothing.
            if room.membership_at(state, scope.user)? == Some(Membership::Join) {
                known = Some((before, state));
            }
        }
        Ok(Self { scope, connection, room, to_tell, end, known })
    }

    fn read(self) -> Result<Option<RoomTold>, SyncError> {
        let initial = self.known.is_none();
        let mut seen = Seen { initial, ..Seen::default() };
        self.read_timeline(&mut seen)?;
        self.read_state(&mut seen)?;
        let direct = self.to_tell.direct;
        let told_direct = self.known.is_some_and(|(known, _)| known.direct);
        seen.direct = (direct != told_direct).then_some(direct);
        let is = self.to_tell.is;
        if is.membership == Membership::Join {
            let other = initial || !seen.timeline.events.is_empty() || self.to_tell.has_read;
            if other && self.to_tell.counts {
                seen.unread = Some(self.scope.unread(self.room, is.position)?);
            }
            let stamp = bump_stamp(self.room, self.end.order, is.position)?;
            seen.bump_stamp = self.known.is_none_or(|(known, _)| stamp > known.told).then_some(stamp);
        } else {
            seen.bump_stamp = Some(is.position);
        }
        Ok((!seen.is_empty()).then(|| RoomTold::Seen(Box::new(seen))))
    }

    fn read_timeline(&self, seen: &mut Seen) -> Result<(), SyncError> {
        let limit = self.to_tell.config.timeline_limit;
        let told = self.known.map(|(known, _)| TimelineOrder::from(known.told));
        let expanded = self.known.is_some_and(|(known, _)| limit > known.config.timeline_limit);
        let request = TimelineRequest {
            room: self.room,
            user: self.scope.user,
            filter: EventFilter::at_most(limit),
            ignored: &self.scope.ignored,
            after: told.filter(|_| !expanded),
            until: self.end.order,
        };
        seen.timeline = request.read()?;
        let since = match self.known {
            Some((known, _)) => known.told,
            // In a room that comes into view what came since the answer before has just happened.
            None => self.scope.since.map_or(self.scope.upto.log, |since| since.log()),
        };
        let is_live = |event: &&Arc<Event>| event.order().is_some_and(|order| order > since.into());
        seen.num_live = seen.timeline.events.iter().filter(is_live).count();
        seen.expanded = expanded && seen.num_live < seen.timeline.events.len();
        Ok(())
    }

    fn read_state(&self, seen: &mut Seen) -> Result<(), SyncError> {
        let Self { room, end, to_tell, .. } = self;
        let config = to_tell.config;
        let mut named = true;
        match self.known {
            None => {
                seen.state = config.read(room, end.state)?;
                seen.name = Some(room.state_event_at(end.state, "m.room.name", "")?);
                seen.avatar = Some(room.state_event_at(end.state, "m.room.avatar", "")?);
                self.add_members(seen, &[])?;
            }
            Some((known, state)) => {
                let changed =
                    if state == end.state { Vec::new() } else { room.state_diff(state, end.state)? };
                let removed =
                    if state == end.state { Vec::new() } else { room.state_removed(state, end.state)? };
                for (field, event_type) in
                    [(&mut seen.name, "m.room.name"), (&mut seen.avatar, "m.room.avatar")]
                {
                    let event = changed.iter().find(|event| is_piece(event, event_type));
                    let gone =
                        || removed.iter().any(|key| key.event_type == event_type && key.state_key.is_empty());
                    *field = match event {
                        Some(event) => Some(Some(event.clone())),
                        None => gone().then_some(None),
                    };
                }
                let naming = [MEMBER, "m.room.name", "m.room.canonical_alias"];
                named = changed.iter().any(|event| naming.contains(&event.pdu.type_str()))
                    || removed.iter().any(|key| naming.contains(&&*key.event_type));
                let taken = changed.iter().filter(|event| config.takes_event(event));
                seen.state = taken.cloned().collect();
                if !known.config.covers_state(config) {
                    let there: HashSet<_> = seen.state.iter().map(|event| event.nid).collect();
                    let state = config.read(room, end.state)?.into_iter();
                    let new =
                        state.filter(|event| !there.contains(&event.nid) && !known.config.takes_event(event));
                    seen.state.extend(new);
                }
                seen.removed =
                    removed.into_iter().filter(|key| config.takes(&key.event_type, &key.state_key)).collect();
                self.add_members(seen, &changed)?;
            }
        }
        if named {
            let summary = Summary::read(room, end.state, self.scope.user)?;
            for hero in summary.heroes.iter().flatten() {
                seen.heroes.extend(room.state_event_at(end.state, MEMBER, hero.as_str())?);
            }
            seen.summary = Some(summary);
        }
        Ok(())
    }

    /// Adds the members whom the timeline needs and the client does not know, or knows otherwise; all that changed where
    /// the timeline has no gap (MSC4186, "Lazy loaded memberships").
    fn add_members(&self, seen: &mut Seen, changed: &[Arc<Event>]) -> Result<(), SyncError> {
        if !self.to_tell.config.lazy_members() {
            return Ok(());
        }
        let room = self.room.nid();
        let mut told: BTreeSet<OwnedUserId> =
            seen.state.iter().filter_map(|event| member_of(event)).collect();
        let changed = changed.iter().filter_map(|event| Some((member_of(event)?, event)));
        let mut other = HashSet::new();
        for (member, event) in changed {
            if !seen.timeline.limited && told.insert(member.clone()) {
                seen.state.push(event.clone());
            }
            other.insert(member);
        }
        let mut needed: Vec<OwnedUserId> = Vec::new();
        for event in &seen.timeline.events {
            needed.push(event.pdu.sender().to_owned());
            needed.extend(member_of(event));
        }
        let since = self.known.map(|(known, _)| known.since);
        for member in needed {
            let knows = self.connection.members.knows(&room, &member, since) && !other.contains(&member);
            if !knows && told.insert(member.clone()) {
                seen.state.extend(self.member(&member)?);
            }
        }
        seen.members = told.into_iter().collect();
        Ok(())
    }

    fn member(&self, user: &UserId) -> Result<Option<Arc<Event>>, SyncError> {
        Ok(self.room.state_event_at(self.end.state, MEMBER, user.as_str())?)
    }
}

fn is_piece(event: &Event, event_type: &str) -> bool {
    event.pdu.type_str() == event_type && event.pdu.state_key() == Some("")
}

/// Whose membership an event is.
pub(super) fn member_of(event: &Event) -> Option<OwnedUserId> {
    event.pdu.state_key().filter(|_| event.pdu.type_str() == MEMBER)?.try_into().ok()
}
