//! Which events a user may see: the facts for the rules of history visibility in `hearth-spec`.

use std::{borrow::Borrow, collections::HashMap, sync::Arc};

use hearth_spec::visibility::{HistoryVisibility, Sight, may_see};
use hearth_storage::{StateId, TimelineOrder, schema::rooms::Membership};
use ruma::{OwnedUserId, ServerName, UserId};
use serde::Deserialize;

use crate::{RoomError, event::Event, room::Room};

/// What a user's history in a room is, as far as visibility asks for it.
struct Viewer<'a> {
    user: &'a UserId,
    /// Joined now.
    joined: bool,
    /// Was joined until this place of the timeline, and is no more.
    left_at: Option<TimelineOrder>,
    /// Visibility and membership by set of state: mostly the same set for many events.
    known: HashMap<StateId, (HistoryVisibility, Option<Membership>)>,
}

impl Room {
    /// Whether a user may see an event: a current member, a former one, or anyone.
    pub fn may_see(&self, user: &UserId, event: &Event) -> Result<bool, RoomError> {
        self.sees(&mut self.viewer(user)?, event)
    }

    /// Those of the events that a user may see.
    pub fn visible_to(&self, user: &UserId, events: Vec<Arc<Event>>) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut viewer = self.viewer(user)?;
        let mut visible = Vec::with_capacity(events.len());
        for event in events {
            if self.sees(&mut viewer, &event)? {
                visible.push(event);
            }
        }
        Ok(visible)
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
        let is_in = self.has_server(server)?;
        let mut users: Option<Vec<OwnedUserId>> = None;
        let mut visible = Vec::with_capacity(events.len());
        for event in events {
            let event = event.borrow();
            let Some(state) = event.state else {
                visible.push(false);
                continue;
            };
            let by_rule = match self.visibility_in(state.before)? {
                HistoryVisibility::WorldReadable => true,
                HistoryVisibility::Shared => is_in,
                HistoryVisibility::Invited | HistoryVisibility::Joined => false,
            };
            if by_rule || concerns(server, event) {
                visible.push(true);
                continue;
            }
            // Only now is it asked who they are: members are not indexed by server.
            if users.is_none() {
                let members = self.members()?.into_iter().map(|(user, _)| user);
                users = Some(members.filter(|user| user.server_name() == server).collect());
            }
            let mut sees = false;
            for user in users.iter().flatten() {
                sees = self.may_see(user, event)?;
                if sees {
                    break;
                }
            }
            visible.push(sees);
        }
        Ok(visible)
    }

    /// Whether anyone may read the room's history, member or not.
    pub fn is_world_readable(&self) -> Result<bool, RoomError> {
        Ok(self.visibility_in(self.head().state)? == HistoryVisibility::WorldReadable)
    }

    fn viewer<'a>(&self, user: &'a UserId) -> Result<Viewer<'a>, RoomError> {
        let row = self.membership(user)?;
        let joined = row.as_ref().is_some_and(|row| row.membership == Membership::Join);
        let mut left_at = None;
        if let Some(row) = row
            && matches!(row.membership, Membership::Leave | Membership::Ban)
            && let Some(event) = self.shared().event(row.event)?
            && let Some(state) = event.state
            && self.membership_at(state.before, user)? == Some(Membership::Join)
        {
            left_at = event.order();
        }
        Ok(Viewer { user, joined, left_at, known: HashMap::new() })
    }

    fn sees(&self, viewer: &mut Viewer<'_>, event: &Event) -> Result<bool, RoomError> {
        let Some(state) = event.state else { return Ok(false) };
        let before = self.facts(viewer, state.before)?;
        let after = if state.after == state.before { before } else { self.facts(viewer, state.after)? };
        let joined_later = viewer.joined
            || viewer.left_at.is_some_and(|left| event.order().is_some_and(|order| order <= left));
        // Only the event that changes what decides has two sides; either is enough.
        Ok([before, after].into_iter().any(|(visibility, membership)| {
            may_see(Sight {
                visibility,
                joined: membership == Some(Membership::Join),
                invited: membership == Some(Membership::Invite),
                joined_later,
            })
        }))
    }

    fn facts(
        &self,
        viewer: &mut Viewer<'_>,
        state: StateId,
    ) -> Result<(HistoryVisibility, Option<Membership>), RoomError> {
        if let Some(facts) = viewer.known.get(&state) {
            return Ok(*facts);
        }
        let facts = (self.visibility_in(state)?, self.membership_at(state, viewer.user)?);
        viewer.known.insert(state, facts);
        Ok(facts)
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
