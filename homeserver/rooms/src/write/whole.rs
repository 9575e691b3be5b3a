//! The members of a room that came without them are here: what was decided meanwhile is decided again (MSC3902).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use hearth_storage::{
    Change, EventNid, Scan, StateId, blocking, schema,
    schema::rooms::{Membership, PartialRoomRow, Standing, StateAround},
};
use ruma::{EventId, OwnedEventId, OwnedServerName, UserId};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Room, RoomInner},
        shared::membership_of,
    },
    write::staged::{MembershipChange, Staged, TimelinePlace},
};

/// The states before some events as peers told them: the ids of events that are here.
pub type ToldStates = HashMap<OwnedEventId, Vec<OwnedEventId>>;

/// The room as it stands while its events are decided on again, one after the other.
#[derive(Default)]
struct Replay {
    extremities: Vec<EventNid>,
    /// What accepted events follow.
    named: HashSet<OwnedEventId>,
    depth: u64,
}

impl Room {
    /// Makes a room whole that came without its members with these joins, with the states before what they follow. What
    /// was decided since then is decided again, in one commit: events that should not have been accepted go out of the
    /// timeline, and others come to its end. Nothing happens if the room came otherwise.
    ///
    /// Where nobody told the states for a join, it counts what was told with the join itself, and the state before
    /// another one: before the last one, or where that was not told, before `again`, a later join of which it is known.
    ///
    /// # Errors
    /// [`RoomError::Invalid`] if the state is none of this room, or does not allow the last join.
    pub async fn make_whole(
        &self,
        joins: &[OwnedEventId],
        told: &ToldStates,
        again: Option<&EventId>,
    ) -> Result<(), RoomError> {
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        let Some(row) = self.0.partial_row(&staged)?.filter(|row| row.joins == joins) else { return Ok(()) };
        let commit = blocking(|| {
            let whole = self.0.before_joins(&mut staged, joins, told, again)?;
            self.0.decide_again(&mut staged, row, &whole)?;
            self.0.commit(&mut head, staged)
        })?;
        drop(head);
        commit.await?;
        Ok(())
    }
}

impl RoomInner {
    /// The whole states before the joins.
    fn before_joins(
        &self,
        staged: &mut Staged,
        joins: &[OwnedEventId],
        told: &ToldStates,
        again: Option<&EventId>,
    ) -> Result<HashMap<OwnedEventId, StateId>, RoomError> {
        let mut other = again.map(|again| self.known_before(staged, again)).transpose()?;
        let mut whole = HashMap::with_capacity(joins.len());
        for join in joins.iter().rev() {
            let before = self.told_before_join(staged, join, told, other)?;
            other.get_or_insert(before);
            whole.insert(join.clone(), before);
        }
        Ok(whole)
    }

    /// The whole state before a join. `other` is that before another one, which counts where something was not told.
    fn told_before_join(
        &self,
        staged: &mut Staged,
        join: &EventId,
        told: &ToldStates,
        other: Option<StateId>,
    ) -> Result<StateId, RoomError> {
        let prev_events = self.part_of_room(staged, join)?.pdu.prev_events().to_vec();
        let mut after = Vec::with_capacity(prev_events.len());
        for id in &prev_events {
            let Some(state) = told.get(id) else { continue };
            let before = self.set_of(staged, state)?;
            let event = self.part_of_room(staged, id)?;
            let counts =
                event.standing != Standing::Rejected && self.verdict(staged, before, &event.pdu)?.is_ok();
            after.push(if counts { self.after(staged, before, &event)? } else { before });
        }
        if after.is_empty() || after.len() < prev_events.len() {
            let other = other
                .ok_or_else(|| RoomError::Invalid("the state before the join is not told".to_owned()))?;
            after.extend([self.known_before(staged, join)?, other]);
        }
        self.resolve(staged, after)
    }

    /// The state before an event as it is known here.
    fn known_before(&self, staged: &Staged, id: &EventId) -> Result<StateId, RoomError> {
        Ok(self.part_of_room(staged, id)?.state.ok_or(RoomError::UnknownEvent)?.before)
    }

    fn part_of_room(&self, staged: &Staged, id: &EventId) -> Result<Arc<Event>, RoomError> {
        let event = staged.event_by_id(id)?.filter(|event| event.room == self.nid);
        event.ok_or_else(|| RoomError::Invalid("what the join follows is not here".to_owned()))
    }

    /// Decides again on all that was decided since the first join, with the whole states before the joins.
    fn decide_again(
        &self,
        staged: &mut Staged,
        row: PartialRoomRow,
        whole: &HashMap<OwnedEventId, StateId>,
    ) -> Result<(), RoomError> {
        let Some(last) = row.joins.last().cloned() else { return Ok(()) };
        let Some(before_last) = whole.get(&last).copied() else { return Ok(()) };
        let events = self.take_partial_events(staged)?;
        let mut known = HashSet::new();
        for entry in staged.tx.scan(&schema::ROOM_SERVERS, Scan::prefix((self.nid,))) {
            known.insert(entry?.0.1);
        }
        // From here on nothing counts as partial any more.
        let position = staged.tx.append(&Change::Whole { room: self.nid });
        let mut row = PartialRoomRow { whole: Some(position), ..row };
        staged.tx.put(&schema::PARTIAL_ROOMS, (self.nid,), &row);
        self.forget_told_servers(staged)?;
        let mut replay = Replay::default();
        let mut servers: BTreeSet<OwnedServerName> = BTreeSet::new();
        let mut left: HashSet<EventNid> = events.iter().map(|event| event.nid).collect();
        for event in events {
            // As it is now: what was decided before it may have redacted it.
            let event = staged.referred(event.nid)?;
            left.remove(&event.nid);
            let told = whole.get(event.id()).copied();
            if told.is_some() {
                // With a join the room came anew.
                replay = Replay::default();
            }
            let before = match (told, event.state) {
                (Some(told), _) => told,
                // It came before what it follows, with the state before it.
                (None, Some(state)) if self.came_before_others(staged, &event, &left)? => state.before,
                _ => self.state_before(staged, &event.pdu)?,
            };
            let standing = self.decide(staged, &replay, &event, before)?;
            if *event.id() == *last && standing != Standing::Accepted {
                return Err(RoomError::Invalid("the state does not allow the join".to_owned()));
            }
            let event = self.stand(staged, &event, standing, before)?;
            if standing == Standing::Accepted && event.order.is_none_or(|order| !order.is_history()) {
                replay.advance(staged, &event)?;
                servers.extend(server_of_joined(&event));
            }
        }
        let old = staged.head.state;
        let new = self.resolve_over(staged, &replay.extremities)?.unwrap_or(before_last);
        staged.head.extremities = replay.extremities;
        staged.head.depth = replay.depth;
        // So that who was away for long takes a look at the room.
        staged.head.position = staged.head.position.max(position);
        if old != new {
            self.change_state(staged, old, new)?;
        }
        // Those of who was there at the join and is there no more, and of who is there now.
        for (_, was, _) in self.shared.trees.read(&staged.tx).diff(before_last, new)? {
            if let Some(was) = was {
                servers.extend(server_of_joined(&*staged.referred(was)?));
            }
        }
        let joined = |change: &MembershipChange| matches!(change.is, Some((Membership::Join, _)));
        let joined = staged.memberships.iter().filter(|change| joined(change));
        servers.extend(joined.map(|change| change.user.server_name().to_owned()));
        row.missed = servers.into_iter().filter(|server| !known.contains(server)).collect();
        if !row.missed.is_empty() {
            staged.tx.put(&schema::PARTIAL_ROOMS, (self.nid,), &row);
        }
        Ok(())
    }

    /// Whether an event follows some that are not here, or came later.
    fn came_before_others(
        &self,
        staged: &Staged,
        event: &Event,
        left: &HashSet<EventNid>,
    ) -> Result<bool, RoomError> {
        for id in event.pdu.prev_events() {
            let prev = staged.event_by_id(id)?;
            if prev.is_none_or(|prev| prev.state.is_none() || left.contains(&prev.nid)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What an event is by its auth events, the state before it and the state of the room so far.
    fn decide(
        &self,
        staged: &mut Staged,
        replay: &Replay,
        event: &Event,
        before: StateId,
    ) -> Result<Standing, RoomError> {
        if self.verdict_on_receipt(staged, before, &event.pdu)?.is_err() {
            return Ok(Standing::Rejected);
        }
        if event.order.is_some_and(|order| order.is_history()) {
            return Ok(Standing::Accepted);
        }
        let now = self.resolve_over(staged, &replay.extremities)?.unwrap_or(before);
        let own = event.pdu.sender().server_name() == self.shared.server_name;
        let stands = self.verdict(staged, now, &event.pdu)?.is_ok()
            && (own || self.check_advice(staged, &event.pdu)?.is_ok());
        Ok(if stands { Standing::Accepted } else { Standing::SoftFailed })
    }

    /// What the states after some events resolve to.
    fn resolve_over(&self, staged: &mut Staged, events: &[EventNid]) -> Result<Option<StateId>, RoomError> {
        let mut states = Vec::with_capacity(events.len());
        for nid in events {
            states.extend(staged.referred(*nid)?.state.map(|state| state.after));
        }
        if states.is_empty() { Ok(None) } else { self.resolve(staged, states).map(Some) }
    }

    /// Writes what an event is now, and moves it into the timeline or out of it.
    fn stand(
        &self,
        staged: &mut Staged,
        event: &Event,
        standing: Standing,
        before: StateId,
    ) -> Result<Arc<Event>, RoomError> {
        let was = event.standing;
        let after = if standing == Standing::Rejected { before } else { self.after(staged, before, event)? };
        let mut event = event.decided(standing, StateAround { before, after });
        if event.pdu.is_state() && was == Standing::Rejected && standing != Standing::Rejected {
            self.index_auth(staged, &event)?;
        }
        match (was == Standing::Accepted, standing == Standing::Accepted) {
            (true, false) => {
                if let Some(order) = event.order {
                    self.take_out(staged, order, &event)?;
                    event.order = None;
                }
                Ok(staged.put_event(event))
            }
            (false, true) => {
                let event = self.keep(staged, event, TimelinePlace::End)?;
                self.apply_as_redaction(staged, &event)?;
                self.note_turned_out(staged, &event)?;
                Ok(event)
            }
            _ => Ok(staged.put_event(event)),
        }
    }
}

impl Replay {
    /// Moves the ends of the room over an accepted event.
    fn advance(&mut self, staged: &Staged, event: &Event) -> Result<(), RoomError> {
        for id in event.pdu.prev_events() {
            if let Some(prev) = staged.nid(id)? {
                self.extremities.retain(|nid| *nid != prev);
            }
            self.named.insert(id.clone());
        }
        if !self.named.contains(event.id()) {
            self.extremities.push(event.nid);
        }
        self.depth = self.depth.max(event.pdu.depth());
        Ok(())
    }
}

/// The server of the user whom a membership event has in the room.
fn server_of_joined(event: &Event) -> Option<OwnedServerName> {
    let user = event.pdu.state_key().filter(|_| membership_of(event) == Some(Membership::Join))?;
    Some(UserId::parse(user).ok()?.server_name().to_owned())
}
