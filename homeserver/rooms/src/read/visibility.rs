//! Which events a user may see: the facts for the rules of history visibility in `hearth-spec`.

use std::{borrow::Borrow, collections::HashMap, sync::Arc};

use hearth_spec::visibility::{HistoryVisibility, Sight, may_see};
use hearth_storage::{
    Position, StateId, TimelineOrder,
    schema::rooms::{Membership, StateAround},
};
use ruma::{OwnedUserId, ServerName, UserId};
use serde::Deserialize;

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::Room},
};

/// A user who looks at a room. What is asked of it again and again is remembered: one for each request.
pub struct Viewer<'a> {
    room: &'a Room,
    user: OwnedUserId,
    /// Read when the first event asks for it.
    now: Option<Now>,
    /// Visibility and membership by set of state: mostly the same set for many events.
    known: HashMap<StateId, (HistoryVisibility, Option<Membership>)>,
}

/// How a user stands to a room now.
#[derive(Clone, Copy)]
struct Now {
    joined: bool,
    /// Was joined until this place of the timeline, and is no more.
    left_at: Option<TimelineOrder>,
}

impl Now {
    fn read(room: &Room, user: &UserId) -> Result<Self, RoomError> {
        let row = room.membership(user)?;
        let joined = row.as_ref().is_some_and(|row| row.membership == Membership::Join);
        let mut left_at = None;
        if let Some(row) = row
            && matches!(row.membership, Membership::Leave | Membership::Ban)
            && let Some(event) = room.shared().event(row.event)?
            && let Some(state) = event.state
            && room.membership_at(state.before, user)? == Some(Membership::Join)
        {
            left_at = event.order();
        }
        Ok(Self { joined, left_at })
    }
}

impl<'a> Viewer<'a> {
    pub fn new(room: &'a Room, user: &UserId) -> Self {
        Self { room, user: user.to_owned(), now: None, known: HashMap::new() }
    }

    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Whether the user is shown an event: a current member, a former one, or anyone.
    pub fn sees(&mut self, event: &Event) -> Result<bool, RoomError> {
        Ok(self.may_see(event)? && !self.room.is_held_back(event)?)
    }

    /// Whether the room's history visibility lets the user see an event.
    fn may_see(&mut self, event: &Event) -> Result<bool, RoomError> {
        let Some(state) = event.state else { return Ok(false) };
        let before = self.facts(state.before)?;
        let after = if state.after == state.before { before } else { self.facts(state.after)? };
        // Only the event that changes what decides has two sides; either is enough.
        let sides = [before, after];
        // Of whoever was in the room then nothing else is asked: it is not read for each who syncs.
        let was_in = sides.iter().any(|(_, membership)| *membership == Some(Membership::Join));
        let joined_later = !was_in && self.joined_later(event)?;
        Ok(sides.into_iter().any(|(visibility, membership)| {
            may_see(Sight {
                visibility,
                joined: membership == Some(Membership::Join),
                invited: membership == Some(Membership::Invite),
                joined_later,
            })
        }))
    }

    /// Whether the user is in the room now, or left it after an event.
    fn joined_later(&mut self, event: &Event) -> Result<bool, RoomError> {
        let now = self.now()?;
        Ok(now.joined || now.left_at.is_some_and(|left| event.order().is_some_and(|order| order <= left)))
    }

    fn now(&mut self) -> Result<Now, RoomError> {
        let now = self.now.map_or_else(|| Now::read(self.room, &self.user), Ok)?;
        Ok(*self.now.insert(now))
    }

    /// Those of the events that the user is shown.
    pub fn visible(&mut self, events: Vec<Arc<Event>>) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut visible = Vec::with_capacity(events.len());
        for event in events {
            if self.sees(&event)? {
                visible.push(event);
            }
        }
        Ok(visible)
    }

    /// Whether the user could see an event before a position of the log: was in the room then, or when it was sent.
    pub fn knew(&mut self, event: &Event, before: Position) -> Result<bool, RoomError> {
        let around = event.state.into_iter().flat_map(|state| [state.before, state.after]);
        for state in around.chain([self.room.state_at_position(before)?]) {
            if self.facts(state)?.1 == Some(Membership::Join) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The user's leave, where nothing after it may be read.
    pub(crate) fn until(&mut self) -> Result<Option<TimelineOrder>, RoomError> {
        let left_at = self.now()?.left_at;
        Ok(if left_at.is_some() && self.room.is_world_readable()? { None } else { left_at })
    }

    fn facts(&mut self, state: StateId) -> Result<(HistoryVisibility, Option<Membership>), RoomError> {
        if let Some(facts) = self.known.get(&state) {
            return Ok(*facts);
        }
        let facts = (self.room.visibility_in(state)?, self.room.membership_at(state, &self.user)?);
        self.known.insert(state, facts);
        Ok(facts)
    }
}

/// All users of a server who are or were in a room.
struct ServerViewers<'a> {
    room: &'a Room,
    server: &'a ServerName,
    /// Whether one of them is joined now.
    is_in: bool,
    /// Read when the first event asks for them.
    users: Option<Vec<Viewer<'a>>>,
    /// What was found where only the state counts.
    by_state: HashMap<StateAround, bool>,
}

impl<'a> ServerViewers<'a> {
    fn may_see(&mut self, event: &Event) -> Result<bool, RoomError> {
        let Some(state) = event.state else { return Ok(false) };
        let by_rule = match self.room.visibility_in(state.before)? {
            HistoryVisibility::WorldReadable => true,
            HistoryVisibility::Shared => self.is_in,
            HistoryVisibility::Invited | HistoryVisibility::Joined => false,
        };
        if by_rule || concerns(self.server, event) {
            return Ok(true);
        }
        // Who of the server was in the room then is not known: redacted, the event would be lost to it.
        if self.is_in && self.room.lacked_members(event)? {
            return Ok(true);
        }
        // Where it is asked who was in the room then, it is the same for all events of one state.
        let by_state = |state| {
            let visibility = self.room.visibility_in(state)?;
            Ok::<_, RoomError>(matches!(visibility, HistoryVisibility::Invited | HistoryVisibility::Joined))
        };
        let by_state = by_state(state.before)? && by_state(state.after)?;
        if let Some(known) = self.by_state.get(&state).filter(|_| by_state) {
            return Ok(*known);
        }
        let mut sees = false;
        for user in self.users()? {
            sees = user.may_see(event)?;
            if sees {
                break;
            }
        }
        if by_state {
            self.by_state.insert(state, sees);
        }
        Ok(sees)
    }

    fn users(&mut self) -> Result<&mut Vec<Viewer<'a>>, RoomError> {
        let users = match self.users.take() {
            Some(users) => users,
            None => {
                let users = self.room.all_members_of(self.server)?;
                users.iter().map(|user| Viewer::new(self.room, user)).collect()
            }
        };
        Ok(self.users.insert(users))
    }
}

impl Room {
    /// Whether a user is shown an event.
    pub fn may_see(&self, user: &UserId, event: &Event) -> Result<bool, RoomError> {
        Viewer::new(self, user).sees(event)
    }

    /// Those of the events that a user is shown.
    pub fn visible_to(&self, user: &UserId, events: Vec<Arc<Event>>) -> Result<Vec<Arc<Event>>, RoomError> {
        Viewer::new(self, user).visible(events)
    }

    /// Whether any user of a server may see an event: else the server gets it redacted.
    pub fn server_may_see(&self, server: &ServerName, event: &Event) -> Result<bool, RoomError> {
        Ok(self.visible_to_server(server, std::slice::from_ref(event))?[0])
    }

    /// Of each event whether any user of a server may see it.
    pub fn visible_to_server<E: Borrow<Event>>(
        &self,
        server: &ServerName,
        events: &[E],
    ) -> Result<Vec<bool>, RoomError> {
        let mut viewers = ServerViewers {
            room: self,
            server,
            is_in: self.has_server(server)?,
            users: None,
            by_state: HashMap::new(),
        };
        events.iter().map(|event| viewers.may_see(event.borrow())).collect()
    }

    /// Whether any user of a server could see an event before a position of the log.
    pub fn server_knew(
        &self,
        server: &ServerName,
        event: &Event,
        before: Position,
    ) -> Result<bool, RoomError> {
        let mut viewers =
            ServerViewers { room: self, server, is_in: true, users: None, by_state: HashMap::new() };
        for user in viewers.users()? {
            if user.knew(event, before)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether anyone may read the room's history, member or not.
    pub fn is_world_readable(&self) -> Result<bool, RoomError> {
        Ok(self.visibility_in(self.head().state)? == HistoryVisibility::WorldReadable)
    }

    fn visibility_in(&self, state: StateId) -> Result<HistoryVisibility, RoomError> {
        #[derive(Deserialize)]
        struct Content {
            history_visibility: String,
        }
        let event = self.state_event_at(state, "m.room.history_visibility", "")?;
        let content = event.and_then(|event| serde_json::from_str::<Content>(event.pdu.content().get()).ok());
        Ok(content.map_or(HistoryVisibility::Shared, |content| {
            HistoryVisibility::named(&content.history_visibility)
        }))
    }
}

/// Whether an event is of a user of the server, or of the user's membership.
fn concerns(server: &ServerName, event: &Event) -> bool {
    let target = || {
        let user = event.pdu.state_key().filter(|_| event.pdu.type_str() == "m.room.member")?;
        Some(UserId::parse(user).ok()?.server_name() == server)
    };
    event.pdu.sender().server_name() == server || target() == Some(true)
}
