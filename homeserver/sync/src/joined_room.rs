//! A room to which the user is joined, in a response.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Event, Room};
use hearth_storage::{Position, StateId, schema::rooms::Membership};
use hearth_users::AccountDataItem;
use ruma::{OwnedUserId, UserId};

use crate::{
    SyncError, UnreadCounts,
    device_lists::DeviceLists,
    ephemeral::{Ephemeral, Receipts},
    filter::{EventFilter, LazyMembers},
    json::{Array, Events, Object},
    online::UserRoom,
    scope::Scope,
    state::StateRequest,
    timeline::{Timeline, TimelineRequest},
    unread::{Counts, Reader, UnreadRooms},
};

/// A joined room, and what the client knows of it.
pub(crate) struct JoinedRoom<'a> {
    scope: &'a Scope<'a>,
    room: &'a Room,
    is: UserRoom,
    account_data: &'a [AccountDataItem],
    /// Up to where it was told of the room, and the state there; `None` for a room that is new to it.
    told: Option<(Position, StateId)>,
}

/// What is told of the state.
struct RoomState {
    events: Vec<Arc<Event>>,
    /// Members or what the room is called by changed.
    summary: Option<Summary>,
}

struct Summary {
    /// `None` where the room has a name.
    heroes: Option<Vec<OwnedUserId>>,
}

impl<'a> JoinedRoom<'a> {
    pub fn new(
        scope: &'a Scope<'a>,
        room: &'a Room,
        is: UserRoom,
        account_data: &'a [AccountDataItem],
    ) -> Result<Self, SyncError> {
        let mut told = None;
        if let Some(since) = scope.since.map(|since| since.log()) {
            let state = room.state_at_position(since)?;
            // Of a room that it was not in the client knows nothing.
            let was_joined =
                is.position <= since || room.membership_at(state, scope.user())? == Some(Membership::Join);
            told = was_joined.then_some((since, state));
        }
        Ok(Self { scope, room, is, account_data, told })
    }

    /// The room's part of the response; `None` where there is nothing to tell.
    pub fn respond(&self, device_lists: &mut DeviceLists) -> Result<Option<String>, SyncError> {
        let Self { scope, room, .. } = *self;
        let timeline = TimelineRequest {
            room,
            user: scope.user(),
            filter: scope.timeline_filter(),
            ignored: &scope.ignored,
            after: self.told.map(|(position, _)| position.into()),
            until: scope.upto.log.into(),
        };
        let mut timeline = timeline.read()?;
        // Of a room that is new to the client it knows nothing but what is told.
        timeline.limited |= self.told.is_none() && scope.since.is_some() && !is_whole(&timeline);
        let state = self.state(&timeline, device_lists)?;
        let receipts = Receipts::read(scope, room, self.told.map(|(position, _)| position))?;
        let ephemeral = Ephemeral { scope, room, told: self.told.is_some() }.write(&receipts);
        let account_data = write_account_data(scope, room, self.account_data);
        let nothing = self.told.is_some()
            && !scope.request.full_state
            && timeline.events.is_empty()
            && !timeline.limited
            && state.events.is_empty()
            && state.summary.is_none()
            && ephemeral.is_empty()
            && account_data.is_empty()
            && !receipts.has_own(scope.user());
        if nothing {
            return Ok(None);
        }
        let unread = self.unread()?;
        let mut out = String::with_capacity(1024);
        let mut object = Object::open(&mut out);
        write_timeline(scope, room, &timeline, &mut object)?;
        self.write_state(&state.events, &mut object)?;
        ephemeral.write(object.key("ephemeral"));
        account_data.write(object.key("account_data"));
        self.write_unread(&unread, &mut object);
        if let Some(summary) = &state.summary {
            self.write_summary(summary, &mut object);
        }
        object.close();
        Ok(Some(out))
    }

    fn state(&self, timeline: &Timeline, device_lists: &mut DeviceLists) -> Result<RoomState, SyncError> {
        let Self { scope, room, .. } = *self;
        let filter = scope.state_filter();
        let current = room.state_at_position(scope.upto.log)?;
        let told = self.told.map(|(_, state)| state);
        let known = told.filter(|_| !scope.request.full_state);
        let (_, after) = scope.state_key();
        let request = StateRequest {
            room,
            known,
            current,
            timeline: &timeline.events,
            after,
            with_members: filter.lazy.is_none(),
        };
        let mut change = request.read()?;
        match told {
            Some(told) if known.is_some() => device_lists.room_changed(scope, room, told, &change.changed)?,
            Some(told) => {
                device_lists.room_changed(scope, room, told, &room.state_diff(told, current)?)?;
            }
            None if scope.since.is_some() => device_lists.room_joined(scope, room)?,
            None => {}
        }
        let named = ["m.room.member", "m.room.name", "m.room.canonical_alias"];
        let summary =
            if known.is_none() || change.changed.iter().any(|event| named.contains(&event.pdu.type_str())) {
                let heroes = if has_name(room, current)? { None } else { Some(room.heroes(scope.user())?) };
                Some(Summary { heroes })
            } else {
                None
            };
        if let Some(lazy) = filter.lazy {
            let heroes = summary.as_ref().and_then(|summary| summary.heroes.as_deref()).unwrap_or_default();
            self.add_members(lazy, known, current, &timeline.events, heroes, &mut change.events)?;
        }
        if filter.takes_room(room.id()) {
            change.events.retain(|event| filter.matches(event));
        } else {
            change.events.clear();
        }
        Ok(RoomState { events: change.events, summary })
    }

    /// Adds the members whom the client needs to show the timeline and the room's name, and does not know.
    fn add_members(
        &self,
        lazy: LazyMembers,
        known: Option<StateId>,
        current: StateId,
        timeline: &[Arc<Event>],
        heroes: &[OwnedUserId],
        events: &mut Vec<Arc<Event>>,
    ) -> Result<(), SyncError> {
        let Self { scope, room, .. } = *self;
        let (_, after) = scope.state_key();
        let start = timeline.first().and_then(|event| event.state).map(|state| state.before);
        let state = start.filter(|_| !after).unwrap_or(current);
        let mut needed: Vec<&UserId> = timeline.iter().map(|event| event.pdu.sender()).collect();
        if known.is_none() {
            needed.push(scope.user());
        }
        needed.extend(heroes.iter().map(|hero| &**hero));
        let mut told = scope.online.told_members.lock();
        let mut seen: HashSet<&UserId> = HashSet::new();
        let here: HashSet<OwnedUserId> = events.iter().filter_map(|event| member_of(event)).collect();
        for member in &here {
            told.tell(scope.device(), room.nid(), member, scope.upto.log);
        }
        let since = self.told.map(|(position, _)| position);
        for member in needed {
            if !seen.insert(member)
                || here.contains(member)
                || (!lazy.redundant && told.knows(scope.device(), room.nid(), member, since))
            {
                continue;
            }
            if let Some(event) = room.state_event_at(state, "m.room.member", member.as_str())?
                && (after || timeline.iter().all(|told| told.nid != event.nid))
            {
                events.push(event);
            }
            told.tell(scope.device(), room.nid(), member, scope.upto.log);
        }
        Ok(())
    }

    fn write_state(&self, state: &[Arc<Event>], object: &mut Object<'_>) -> Result<(), SyncError> {
        let (key, required) = self.scope.state_key();
        write_state(self.scope, self.room, state, key, required, self.told.is_some(), object)
    }

    fn unread(&self) -> Result<UnreadCounts, SyncError> {
        let Self { scope, room, .. } = *self;
        let reader = Reader {
            rooms: scope.rooms,
            user: scope.user(),
            rules: scope.push_rules.clone(),
            ignored: &scope.ignored,
        };
        let notices = scope.notices(room.nid());
        let (joined, until) = (self.is.position, scope.upto.log);
        Ok(UnreadRooms::counts_of(scope.online, &reader, room, &notices, joined, until)?)
    }

    fn write_unread(&self, unread: &UnreadCounts, object: &mut Object<'_>) {
        let by_thread = self.scope.filter().room.timeline.unread_thread_notifications;
        let room = if by_thread { unread.main } else { unread.total() };
        write_counts(room, object.key("unread_notifications"));
        if by_thread && !unread.threads.is_empty() {
            let mut threads = Object::open(object.key("unread_thread_notifications"));
            for (root, counts) in &unread.threads {
                write_counts(*counts, threads.key(root.as_str()));
            }
            threads.close();
        }
    }

    fn write_summary(&self, summary: &Summary, object: &mut Object<'_>) {
        let head = self.room.head();
        let mut out = Object::open(object.key("summary"));
        if let Some(heroes) = &summary.heroes {
            let mut list = Array::open(out.key("m.heroes"));
            heroes.iter().for_each(|hero| list.text(hero.as_str()));
            list.close();
        }
        out.number("m.joined_member_count", head.joined);
        out.number("m.invited_member_count", head.invited);
        out.close();
    }
}

/// Writes the timeline of a room.
pub(crate) fn write_timeline(
    scope: &Scope<'_>,
    room: &Room,
    timeline: &Timeline,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    let notices = scope.notices(room.nid());
    let mut writer = scope.client_events(room).knowing(&notices);
    let mut out = Object::open(object.key("timeline"));
    let mut events = Array::open(out.key("events"));
    for event in &timeline.events {
        writer.write(event, scope.form(), events.item())?;
    }
    events.close();
    out.boolean("limited", timeline.limited);
    out.text("prev_batch", &timeline.prev_batch.to_string());
    out.close();
    Ok(())
}

/// Writes the state of a room under its key, where there is any or it is required.
pub(crate) fn write_state(
    scope: &Scope<'_>,
    room: &Room,
    state: &[Arc<Event>],
    key: &str,
    required: bool,
    in_detail: bool,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    if state.is_empty() && !required {
        return Ok(());
    }
    let mut writer = scope.client_events(room);
    let mut events = Events::default();
    for event in state {
        if in_detail {
            writer.write(event, scope.form(), events.item())?;
        } else {
            writer.write_state(event, scope.form(), events.item())?;
        }
    }
    events.write(object.key(key));
    Ok(())
}

/// Writes the account data of a room that the filter takes.
pub(crate) fn write_account_data(scope: &Scope<'_>, room: &Room, items: &[AccountDataItem]) -> Events {
    let filter = EventFilter::of(&scope.filter().room.account_data);
    let mut events = Events::default();
    if filter.takes_room(room.id()) {
        for item in items.iter().filter(|item| filter.takes_type(&item.data_type)) {
            let mut event = Object::open(events.item());
            event.text("type", &item.data_type);
            event.json("content", item.content.get());
            event.close();
        }
    }
    events
}

fn write_counts(counts: Counts, out: &mut String) {
    let mut object = Object::open(out);
    object.number("notification_count", counts.notifications);
    object.number("highlight_count", counts.highlights);
    object.close();
}

/// Whether a room is called by a name of its own, and not by its members.
fn has_name(room: &Room, state: StateId) -> Result<bool, SyncError> {
    for (event_type, field) in [("m.room.name", "name"), ("m.room.canonical_alias", "alias")] {
        let event = room.state_event_at(state, event_type, "")?;
        let content =
            event.and_then(|event| serde_json::from_str::<serde_json::Value>(event.pdu.content_str()).ok());
        let name = content.as_ref().and_then(|content| content.get(field)?.as_str());
        if name.is_some_and(|name| !name.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
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
