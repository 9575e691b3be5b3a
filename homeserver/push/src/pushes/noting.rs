//! Which events notify the users who have pushers.

use std::{collections::HashMap, sync::Arc};

use hearth_rooms::{Event, Room, RoomError, Rooms};
use hearth_spec::push::{CompiledRuleset, FlatEvent, PushContext, evaluate};
use hearth_storage::{
    Clock, EventNid, Position, RoomNid,
    schema::{push::NotificationRow, rooms::Membership},
};
use hearth_users::Users;
use ruma::{OwnedUserId, UserId, push::Action};

use super::MAX_NOTIFICATIONS;
use crate::{
    EvaluatedRoom, EvaluatedRooms, PushError, PushUser, ReadMarks, ReadRoom, evaluated::Notifying,
    user::CompiledRules,
};

/// Of so many users the compiled rules are kept.
const MAX_RULES: usize = 20_000;

/// A notification as it is noted.
pub(super) type Noted = (Position, NotificationRow);

/// Judges what comes for users who have pushers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Noting {
    pub rooms: Rooms,
    pub users: Users,
    pub evaluated: Arc<EvaluatedRooms>,
    pub clock: Arc<dyn Clock>,
}

/// The rules of users, as far as they are compiled.
#[derive(Default)]
pub(super) struct RulesOfUsers(HashMap<OwnedUserId, CompiledRules>);

impl RulesOfUsers {
    pub fn of(&mut self, user: &UserId) -> &mut CompiledRules {
        if self.0.len() >= MAX_RULES && !self.0.contains_key(user) {
            self.0 = HashMap::new();
        }
        self.0.entry(user.to_owned()).or_default()
    }
}

impl Noting {
    /// The room of a number; `None` if it is no longer here.
    pub fn room(&self, nid: RoomNid) -> Result<Option<Room>, PushError> {
        match self.rooms.room_by_nid(nid) {
            Ok(room) => Ok(Some(room)),
            Err(RoomError::UnknownRoom) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Shows what notifies a user who is joined to a room after one position and up to another.
    pub fn notify(
        &self,
        compiled: &mut CompiledRules,
        user: &UserId,
        room: &Room,
        (after, until): (Position, Position),
        mut show: impl FnMut(Noted),
    ) -> Result<(), PushError> {
        let Some(joined) = room.membership(user)?.filter(|row| row.membership == Membership::Join) else {
            return Ok(());
        };
        let after = after.max(joined.position);
        if after >= until {
            return Ok(());
        }
        let ignored = self.users.account_data.ignored_users(user)?;
        let push_user = PushUser {
            rooms: &self.rooms,
            users: &self.users,
            user,
            rules: self.users.push_rules.ruleset(user)?,
            evaluated: &self.evaluated,
            ignored: &ignored,
        };
        let (known, own) = (self.evaluated.room(room.nid()), EvaluatedRoom::default());
        // A reader that is far behind does not find what it looks for among the newest events.
        let evaluated = if known.reaches_back_to(after.into()) { &*known } else { &own };
        let read = ReadRoom { room, evaluated, joined: joined.position };
        push_user.notifying(compiled, read, (after.into(), until.into()), |event| {
            // History is no news.
            if event.verdict.notify && !event.order.is_history() {
                show((event.order.position(), self.row(room.nid(), &event)));
            }
        })
    }

    fn row(&self, room: RoomNid, event: &Notifying<'_>) -> NotificationRow {
        NotificationRow {
            room,
            event: event.facts.nid,
            thread: event.facts.thread.as_deref().cloned(),
            highlight: event.verdict.highlight,
            actions: encode(event.actions),
            noted_at: self.clock.now_ms(),
        }
    }

    /// What notifies a user who was invited, also to a room that is not here.
    pub fn invite(&self, user: &UserId, room: RoomNid) -> Result<Option<NotificationRow>, PushError> {
        let Some(row) = self.rooms.user_room(user, room)?.filter(|row| row.membership == Membership::Invite)
        else {
            return Ok(None);
        };
        let Some(event) = self.rooms.event(row.event)? else { return Ok(None) };
        if self.users.account_data.ignored_users(user)?.contains(event.pdu.sender()) {
            return Ok(None);
        }
        self.judge_invite(user, room, row.event, &event)
    }

    fn judge_invite(
        &self,
        user: &UserId,
        room: RoomNid,
        nid: EventNid,
        event: &Event,
    ) -> Result<Option<NotificationRow>, PushError> {
        let rules = CompiledRuleset::new(&*self.users.push_rules.ruleset(user)?);
        let context = PushContext {
            room_id: event.pdu.room_id(),
            member_count: 0,
            user_id: user,
            display_name: None,
            power_levels: None,
            subscribed: None,
        };
        let outcome = evaluate(&rules, &FlatEvent::new(&event.pdu), &context);
        Ok(outcome.notify.then(|| NotificationRow {
            room,
            event: nid,
            thread: None,
            highlight: outcome.highlight,
            actions: encode(outcome.actions),
            noted_at: self.clock.now_ms(),
        }))
    }

    /// What is unread up to a position by a user who had no pusher before, the newest of it.
    pub fn unread(&self, user: &UserId, until: Position) -> Result<Vec<Noted>, PushError> {
        let (mut compiled, mut noted) = (CompiledRules::default(), Vec::new());
        for (nid, row) in self.rooms.rooms_of(user)? {
            let Some(room) = self.room(nid)?.filter(|_| row.membership == Membership::Join) else { continue };
            let marks = ReadMarks::of(room.receipts_of(user)?, row.position.into());
            let range = (marks.everything(), until);
            self.notify(&mut compiled, user, &room, range, |new| noted.push(new))?;
            keep_newest(&mut noted);
        }
        for (nid, row) in self.rooms.rooms_of(user)? {
            if row.membership == Membership::Invite
                && let Some(invite) = self.invite(user, nid)?
            {
                noted.push((row.position, invite));
            }
        }
        noted.retain(|(position, _)| *position <= until);
        keep_newest(&mut noted);
        Ok(noted)
    }
}

fn keep_newest(noted: &mut Vec<Noted>) {
    if noted.len() > MAX_NOTIFICATIONS {
        noted.sort_unstable_by_key(|(position, _)| std::cmp::Reverse(*position));
        noted.truncate(MAX_NOTIFICATIONS);
    }
}

fn encode(actions: &[Action]) -> String {
    serde_json::to_string(actions).unwrap_or_else(|_| "[]".to_owned())
}
