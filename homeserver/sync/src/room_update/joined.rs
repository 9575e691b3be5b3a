//! What has happened in a room to which the user is joined.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Event, Room};
use hearth_storage::{Position, StateId, schema::rooms::Membership};
use hearth_users::AccountDataItem;
use ruma::{OwnedUserId, UserId};

use super::{
    MemberChanges, Receipts, Shown, Summary, ToRead,
    ephemeral::typing,
    state::StateRequest,
    timeline::{Timeline, TimelineRequest},
};
use crate::{SyncError, filter::LazyMembers, online::UserRoom, scope::Scope};

/// A joined room, and what the client knows of it.
pub(super) struct JoinedRoom<'a> {
    scope: &'a Scope<'a>,
    room: &'a Room,
    is: UserRoom,
    account_data: Vec<AccountDataItem>,
    /// Nothing was ever told to the client.
    is_first: bool,
    /// Up to where it was told of the room, and the state there; `None` for a room that is new to it.
    told: Option<(Position, StateId)>,
}

impl<'a> JoinedRoom<'a> {
    pub fn new(scope: &'a Scope<'a>, room: &'a Room, to_read: ToRead<'_>) -> Result<Self, SyncError> {
        let ToRead { is, since, shown_since, account_data, .. } = to_read;
        let mut told = None;
        if let Some(since) = since {
            let state = room.state_at_position(since)?;
            // Of a room that it was not in the client knows nothing.
            let was_joined =
                is.position <= since || room.membership_at(state, scope.user)? == Some(Membership::Join);
            told = (was_joined && shown_since <= since).then_some((since, state));
        }
        Ok(Self { scope, room, is, account_data, is_first: since.is_none(), told })
    }

    /// All account data of the room. What was set while the user was out of it was not told when it was set.
    fn all_account_data(&self) -> Result<Vec<AccountDataItem>, SyncError> {
        let items = self.scope.users.account_data.all(self.scope.user, Some(self.room.id()))?;
        let wanted = self.scope.wanted.account_data;
        let items = items.into_iter().filter(|(data_type, _)| wanted.takes_type(data_type));
        Ok(items.map(|(data_type, content)| AccountDataItem { room: None, data_type, content }).collect())
    }

    pub fn read(mut self) -> Result<Shown, SyncError> {
        let Self { scope, room, .. } = self;
        let wanted = scope.wanted;
        let timeline = TimelineRequest {
            room,
            user: scope.user,
            filter: wanted.timeline,
            ignored: &scope.ignored,
            after: self.told.map(|(position, _)| position.into()),
            until: scope.upto.log.into(),
        };
        let mut timeline = timeline.read()?;
        // Of a room that is new to the client it knows nothing but what is told.
        timeline.limited |= self.told.is_none() && !self.is_first && !is_whole(&timeline);
        let receipts = Receipts::read(scope, room, self.told.map(|(position, _)| position))?;
        let is_new = self.told.is_none();
        let typing = typing(scope, room, is_new);
        let sticky = self.sticky(&timeline)?;
        let mut shown = Shown { is_new, timeline, sticky, receipts, typing, ..Shown::default() };
        self.read_state(&mut shown)?;
        if wanted.account_data.takes_room(room.id()) {
            shown.account_data = match is_new && !self.is_first {
                true => self.all_account_data()?,
                false => std::mem::take(&mut self.account_data),
            };
        }
        if !shown.is_empty() || wanted.full_state {
            shown.unread = Some(scope.unread(room, self.is.position)?);
        }
        Ok(shown)
    }

    /// The sticky events that the client is not told by a timeline: whoever is in the room may see them (MSC4354).
    fn sticky(&self, timeline: &Timeline) -> Result<Vec<Arc<Event>>, SyncError> {
        if self.told.is_some() && !timeline.limited && !timeline.passed_over {
            return Ok(Vec::new());
        }
        let after = self.told.map_or(Position(0), |(position, _)| position);
        let mut sticky = self.room.sticky_since(after, self.scope.upto.log)?;
        sticky.retain(|sticky| {
            !self.scope.ignored.contains(sticky.event.pdu.sender())
                && timeline.events.iter().all(|told| told.nid != sticky.event.nid)
        });
        Ok(sticky.into_iter().map(|sticky| sticky.event).collect())
    }

    /// Reads the state, and what follows from its changes.
    fn read_state(&self, shown: &mut Shown) -> Result<(), SyncError> {
        let Self { scope, room, .. } = *self;
        let filter = scope.wanted.state;
        let current = room.state_at_position(scope.upto.log)?;
        let told = self.told.map(|(_, state)| state);
        let known = told.filter(|_| !scope.wanted.full_state);
        let request = StateRequest {
            room,
            known,
            current,
            timeline: &shown.timeline.events,
            after: scope.wanted.state_after,
            with_members: filter.lazy.is_none(),
        };
        let change = request.read()?;
        shown.state = change.events;
        shown.members = match told {
            Some(told) if known.is_some() => MemberChanges::between(scope, room, told, &change.changed)?,
            Some(told) => MemberChanges::between(scope, room, told, &room.state_diff(told, current)?)?,
            None if self.is_first => MemberChanges::default(),
            None => MemberChanges::everyone(scope, room)?,
        };
        let named = ["m.room.member", "m.room.name", "m.room.canonical_alias"];
        if known.is_none() || change.changed.iter().any(|event| named.contains(&event.pdu.type_str())) {
            shown.summary = Some(Summary::read(room, current, scope.user)?);
        }
        if let Some(lazy) = filter.lazy {
            self.add_members(lazy, known, current, shown)?;
        }
        if filter.takes_room(room.id()) {
            shown.state.retain(|event| filter.matches(event));
        } else {
            shown.state.clear();
        }
        Ok(())
    }

    /// Adds the members whom the client needs to show the timeline and the room's name, and does not know.
    fn add_members(
        &self,
        lazy: LazyMembers,
        known: Option<StateId>,
        current: StateId,
        shown: &mut Shown,
    ) -> Result<(), SyncError> {
        let Self { scope, room, .. } = *self;
        let (timeline, events) = (&shown.timeline.events, &mut shown.state);
        let heroes = shown.summary.as_ref().and_then(|summary| summary.heroes.as_deref()).unwrap_or_default();
        let after = scope.wanted.state_after;
        let start = timeline.first().and_then(|event| event.state).map(|state| state.before);
        let state = start.filter(|_| !after).unwrap_or(current);
        let mut needed: Vec<&UserId> = timeline.iter().map(|event| event.pdu.sender()).collect();
        if known.is_none() {
            needed.push(scope.user);
        }
        needed.extend(heroes.iter().map(|hero| &**hero));
        let mut told = scope.online.told_members.lock();
        let mut seen: HashSet<&UserId> = HashSet::new();
        let here: HashSet<OwnedUserId> = events.iter().filter_map(|event| member_of(event)).collect();
        let place = (scope.device.to_owned(), room.nid());
        for member in &here {
            told.tell(place.clone(), member, scope.upto.log);
        }
        let since = self.told.map(|(position, _)| position);
        for member in needed {
            if !seen.insert(member)
                || here.contains(member)
                || (!lazy.redundant && told.knows(&place, member, since))
            {
                continue;
            }
            let mut event = room.state_event_at(state, "m.room.member", member.as_str())?;
            if event.is_none() && room.is_partial() {
                // Who spoke since the room came is known by that alone.
                event = room.state_event_at(current, "m.room.member", member.as_str())?;
            }
            if let Some(event) = event
                && (after || timeline.iter().all(|told| told.nid != event.nid))
            {
                events.push(event);
            }
            told.tell(place.clone(), member, scope.upto.log);
        }
        Ok(())
    }
}

/// Whether a timeline begins where its room does.
fn is_whole(timeline: &Timeline) -> bool {
    timeline.events.first().is_some_and(|first| first.pdu.type_str() == "m.room.create")
}

/// Whose membership an event is.
fn member_of(event: &Event) -> Option<OwnedUserId> {
    let state_key = event.pdu.state_key().filter(|_| event.pdu.type_str() == "m.room.member")?;
    state_key.try_into().ok()
}
