//! A room as one user may read it, page by page.

use std::{collections::HashSet, sync::Arc};

use hearth_rooms::{Event, Room, RoomError, TimelineRange, Viewer};
use hearth_storage::{StateId, TimelineOrder};
use hearth_sync::{TimelineToken, TokenError};
use hearth_users::Erased;
use ruma::{EventId, OwnedUserId, RoomId, UInt, UserId, api::Direction};

use crate::{
    ClientApi, MatrixError, Result,
    room::access::{self, Readable},
};

/// How many events are looked at for one page, seen or not: what is left is for the next request.
const MAX_LOOKED_AT: usize = 2_000;
/// How many are read at once.
const AT_ONCE: usize = 256;

/// What a user may read of a room.
pub(crate) struct View {
    pub(crate) room: Room,
    /// The current state, or for who has left, the state then.
    pub(crate) state: StateId,
    user: OwnedUserId,
    /// The user's leave, where nothing after it may be read.
    until: Option<TimelineOrder>,
    ignored: Arc<HashSet<OwnedUserId>>,
    erased: Arc<Erased>,
    /// Whether an administrator looks, from whom nothing is hidden.
    sees_all: bool,
}

/// Which part of a timeline is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: TimelineToken,
    pub(crate) to: Option<TimelineToken>,
    pub(crate) direction: Direction,
    pub(crate) limit: usize,
}

/// A part of a timeline.
#[derive(Debug)]
pub(crate) struct Page {
    /// In the direction asked for.
    pub(crate) events: Vec<Arc<Event>>,
    /// The place behind everything that was looked at.
    pub(crate) reached: TimelineToken,
    /// Whether there may be more from there on.
    pub(crate) more: bool,
    /// How many events were looked at, seen or not.
    pub(crate) looked_at: usize,
}

impl Page {
    /// Where to go on, if there may be more.
    pub(crate) fn next(&self) -> Option<String> {
        self.more.then(|| self.reached.to_string())
    }
}

impl View {
    /// What a user may read of a room; refused who is not in it.
    pub(crate) fn of(api: &ClientApi, user: &UserId, id: &RoomId) -> Result<Self> {
        let Readable { room, state, until } = access::readable(&api.rooms, user, id)?;
        let until = if room.is_world_readable()? { None } else { until };
        let ignored = api.users.account_data.ignored_users(user)?;
        let erased = api.users.accounts.erased();
        Ok(Self { room, state, user: user.to_owned(), until, ignored, erased, sees_all: false })
    }

    /// All of a room, for an administrator who looks into it.
    pub(crate) fn of_all(api: &ClientApi, user: &UserId, room: Room) -> Self {
        Self {
            state: room.head().state,
            room,
            user: user.to_owned(),
            until: None,
            ignored: Arc::default(),
            erased: api.users.accounts.erased(),
            sees_all: true,
        }
    }

    /// The same with one event, where who may not read the room is told no more than that there is no such
    /// event.
    pub(crate) fn with_event(
        api: &ClientApi,
        user: &UserId,
        room: &RoomId,
        event: &EventId,
    ) -> Result<(Self, Arc<Event>)> {
        let view = Self::of(api, user, room).map_err(|error| match error.errcode {
            Some("M_FORBIDDEN") => no_such_event(),
            _ => error,
        })?;
        let event = view.event(event)?;
        Ok((view, event))
    }

    /// An event of the room, if the user may see it; else 404.
    pub(crate) fn event(&self, id: &EventId) -> Result<Arc<Event>> {
        let event = self.room.event(id)?.filter(|event| event.order().is_some());
        let event = event.ok_or_else(no_such_event)?;
        match self.may_see(&event)? {
            true => Ok(event),
            false => Err(no_such_event()),
        }
    }

    /// Whether the user may see an event, ignored or not.
    pub(crate) fn may_see(&self, event: &Event) -> Result<bool> {
        Ok(self.sees_all || self.room.may_see(&self.user, event)?)
    }

    /// Whether someone's events are kept from the user, but for state.
    pub(crate) fn ignores(&self, event: &Event) -> bool {
        !event.pdu.is_state() && self.ignored.contains(event.pdu.sender())
    }

    /// Whether the user is shown an event as if it were redacted, because its sender wished to be erased.
    pub(crate) fn is_erased(&self, event: &Event) -> Result<bool> {
        match self.erased.get(event.pdu.sender()) {
            Some(position) => Ok(!Viewer::new(&self.room, &self.user).knew(event, *position)?),
            None => Ok(false),
        }
    }

    /// Whether the user may see any event of a thread, by someone whom they do not ignore.
    pub(crate) fn has_thread(&self, root: &Event) -> Result<bool> {
        let mut viewer = Viewer::new(&self.room, &self.user);
        Ok(self.room.thread_is_seen(root, &mut viewer, &self.ignored)?)
    }

    /// Those of the events that the user may see and does not ignore.
    pub(crate) fn visible(&self, mut events: Vec<Arc<Event>>) -> Result<Vec<Arc<Event>>> {
        if self.sees_all {
            return Ok(events);
        }
        events.retain(|event| !self.ignores(event));
        Ok(self.room.visible_to(&self.user, events)?)
    }

    /// The place behind the last event that the user may read.
    pub(crate) fn end(&self) -> TimelineToken {
        match self.until {
            Some(until) => TimelineToken::after(until),
            None => self.room.head().position.into(),
        }
    }

    /// A part of the room's timeline, of events that are wanted.
    pub(crate) fn messages(&self, stretch: Stretch, wanted: impl Fn(&Event) -> bool) -> Result<Page> {
        self.page(stretch, |range| self.room.timeline(range), wanted)
    }

    /// A part of what `read` gives for a range, of events that are wanted.
    pub(crate) fn page(
        &self,
        stretch: Stretch,
        read: impl Fn(TimelineRange) -> Result<Vec<Arc<Event>>, RoomError>,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Page> {
        let Stretch { from, to, direction, limit } = stretch;
        let backwards = direction == Direction::Backward;
        let (mut reached, to) = match (backwards, self.until) {
            (_, None) => (from, to),
            (true, Some(_)) => (from.min(self.end()), to),
            (false, Some(_)) => (from, Some(to.map_or(self.end(), |to| to.min(self.end())))),
        };
        let behind = |order| match backwards {
            true => TimelineToken::before(order),
            false => TimelineToken::after(order),
        };
        let mut events = Vec::new();
        let mut looked_at = 0;
        loop {
            // One more than fits tells whether there is more.
            let size = (limit - events.len() + 1).min(AT_ONCE);
            let batch = read(reached.range(to, backwards, size))?;
            looked_at += batch.len();
            let exhausted = batch.len() < size;
            let last = batch.last().and_then(|event| event.order());
            for event in self.visible(batch)? {
                if events.len() == limit {
                    return Ok(Page { events, reached, more: true, looked_at });
                }
                if let Some(order) = event.order() {
                    reached = behind(order);
                }
                if wanted(&event) {
                    events.push(event);
                }
            }
            reached = last.map_or(reached, behind);
            if exhausted || looked_at >= MAX_LOOKED_AT {
                return Ok(Page { events, reached, more: !exhausted, looked_at });
            }
        }
    }
}

/// The member events of those who sent events, as of their first in the list: for who loads members lazily.
pub(crate) fn members_of_senders(room: &Room, events: &[Arc<Event>]) -> Result<Vec<Arc<Event>>> {
    let mut told = HashSet::new();
    let mut members = Vec::new();
    for event in events {
        if let Some(around) = event.state
            && told.insert(event.pdu.sender())
        {
            members.extend(room.state_event_at(
                around.after,
                "m.room.member",
                event.pdu.sender().as_str(),
            )?);
        }
    }
    Ok(members)
}

/// A token that a client gave.
pub(crate) fn place(token: Option<&str>) -> Result<Option<TimelineToken>, TokenError> {
    token.map(str::parse).transpose()
}

/// How many are asked for, at most `max`: where none are, only tokens are told.
pub(crate) fn limit(asked: Option<UInt>, default: usize, max: usize) -> usize {
    let asked = asked.map(|asked| usize::try_from(asked).unwrap_or(max));
    asked.unwrap_or(default).min(max)
}

/// What hides from a user that there is an event.
pub(crate) fn no_such_event() -> MatrixError {
    MatrixError::not_found("There is no such event, or you may not see it.")
}
