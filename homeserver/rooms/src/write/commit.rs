//! What is written when events come: one batch, one commit.

use std::sync::Arc;

use hearth_storage::{
    Change, Commit, EventNid, Position, Scan, StateId, StorageError,
    schema::{
        self,
        rooms::{Membership, MembershipRow, UserRoomRow},
    },
};
use ruma::UserId;

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Head, Room, RoomInner},
        shared::membership_of,
    },
    write::staged::{MembershipChange, Staged, TimelinePlace},
};

impl RoomInner {
    /// Writes an event that was decided on, and the indexes by its place in the timeline.
    pub fn keep(
        &self,
        staged: &mut Staged,
        mut event: Event,
        place: TimelinePlace,
    ) -> Result<Arc<Event>, RoomError> {
        event.order = match place {
            TimelinePlace::New | TimelinePlace::End => {
                let change = Change::Event { room: self.nid, event: event.nid };
                staged.head.position = staged.tx.append(&change);
                Some(staged.head.position.into())
            }
            TimelinePlace::At(order) => {
                staged.changes.push(Change::History { room: self.nid, event: event.nid });
                Some(order)
            }
            TimelinePlace::Nowhere => None,
        };
        let event = staged.put_event(event);
        if let Some(order) = event.order {
            staged.tx.put(&schema::TIMELINE, (self.nid, order), &event.nid);
            staged.tx.put(&schema::TIMESTAMPS, (self.nid, event.ts(), order), &event.nid);
            self.note_missing(staged, &event, order)?;
            self.relate(&mut staged.tx, &event, order)?;
        }
        if matches!(place, TimelinePlace::New | TimelinePlace::End) {
            self.note_sticky(staged, &event)?;
        }
        // What is made just now nobody has named before.
        if place != TimelinePlace::New {
            // One that was decided against is missing no more either.
            if event.state.is_some() {
                self.note_found(staged, &event)?;
            }
            self.apply_waiting_redactions(staged, &event)?;
        }
        Ok(event)
    }

    /// Takes over a new current state: who joined, who left; as many steps as there are differences.
    pub fn change_state(&self, staged: &mut Staged, old: StateId, new: StateId) -> Result<(), RoomError> {
        let mut changes = Vec::new();
        let delayed = self.has_delayed_state(&staged.tx)?;
        let diff = self.shared.trees.read(&staged.tx).diff(old, new)?;
        for (key, was, is) in diff {
            let name = self.shared.state_keys.name(&staged.tx, key)?;
            if delayed && let Some(is) = is {
                self.cancel_delayed_of_others(staged, &name, is)?;
            }
            if name.event_type == "m.room.member"
                && let Ok(user) = UserId::parse(&*name.state_key)
            {
                changes.push((user, was, is));
            } else {
                staged.changes.push(Change::State { room: self.nid, key });
            }
        }
        // With one read for all: a room that comes here changes thousands.
        let nids: Vec<EventNid> = changes.iter().flat_map(|(_, was, is)| [*was, *is]).flatten().collect();
        let mut events = staged.events_of(&nids)?.into_iter();
        let mut membership = |nid: Option<EventNid>| {
            let event = nid.and_then(|_| events.next())?;
            membership_of(&event).map(|membership| (membership, event.nid))
        };
        for (user, was, is) in changes {
            let (was, is) = (membership(was), membership(is));
            for (change, counted) in [(was, -1), (is, 1)] {
                match change {
                    Some((Membership::Join, _)) => add(&mut staged.head.joined, counted),
                    Some((Membership::Invite, _)) => add(&mut staged.head.invited, counted),
                    _ => {}
                }
            }
            staged.memberships.push(MembershipChange { user, was, is });
        }
        staged.head.state = new;
        Ok(())
    }

    /// Empties what an event redacts, if it is a redaction; it waits for what is not here.
    pub fn apply_as_redaction(&self, staged: &mut Staged, event: &Arc<Event>) -> Result<(), RoomError> {
        if event.pdu.type_str() == "m.room.redaction"
            && let Some(target) = event.pdu.redacts().map(ToOwned::to_owned)
        {
            match staged.event_by_id(&target)? {
                Some(redacted) => self.apply_redaction(staged, &redacted, event)?,
                None if staged.is_purged(&target)? => {}
                None => staged.tx.put(&schema::PENDING_REDACTIONS, (target, event.nid), &()),
            }
        }
        Ok(())
    }

    /// Empties an event that is redacted already, wherever it came from.
    fn apply_waiting_redactions(&self, staged: &mut Staged, event: &Arc<Event>) -> Result<(), RoomError> {
        let waiting = staged.tx.scan(&schema::PENDING_REDACTIONS, Scan::prefix((event.id(),)));
        for row in waiting.collect::<Result<Vec<_>, StorageError>>()? {
            let ((target, redaction), ()) = row;
            let redaction = staged.referred(redaction)?;
            self.apply_redaction(staged, event, &redaction)?;
            staged.tx.delete(&schema::PENDING_REDACTIONS, (target, redaction.nid));
        }
        Ok(())
    }

    fn apply_redaction(
        &self,
        staged: &mut Staged,
        target: &Arc<Event>,
        redaction: &Arc<Event>,
    ) -> Result<(), RoomError> {
        if target.redacted_by.is_some() || !self.redacts(staged, redaction, target)? {
            return Ok(());
        }
        self.redact(staged, target, redaction.nid)
    }

    /// Queues all that was staged as one atomic commit, and moves the head that is written on.
    pub fn commit(&self, head: &mut Head, mut staged: Staged) -> Result<Commit, RoomError> {
        self.reconsider_sticky(&mut staged)?;
        if staged.head.state != head.state {
            staged.head.state_position = staged.begins;
            staged.tx.put(&schema::STATE_HISTORY, (self.nid, staged.begins), &staged.head.state);
        }
        let memberships = std::mem::take(&mut staged.memberships);
        self.count_servers(&mut staged, &memberships)?;
        self.write_memberships(&mut staged, memberships)?;
        for change in std::mem::take(&mut staged.changes) {
            staged.tx.append(&change);
        }
        // A room that is only heard of has no head.
        if !staged.head.extremities.is_empty() {
            staged.tx.put(&schema::ROOM_HEADS, (self.nid,), &staged.head);
        }
        let commit = self.shared.trees.submit(staged.tx, &staged.nodes);
        self.shared.resolutions.remember(staged.resolved);
        *head = staged.head;
        settle(head, commit.before());
        for mut event in staged.made.events.into_values() {
            if event.order.is_some() {
                Arc::make_mut(&mut event).settle(commit.before());
            }
            self.shared.events.put(commit.number(), event);
        }
        Ok(commit)
    }

    fn write_memberships(
        &self,
        staged: &mut Staged,
        changes: Vec<MembershipChange>,
    ) -> Result<(), RoomError> {
        let room_type = match changes.is_empty() {
            true => None,
            false => staged.room_type(staged.head.state)?,
        };
        let tx = &mut staged.tx;
        for MembershipChange { user, was, is } in changes {
            // A resolution may take a membership away: to the user that is having left, by what was there.
            let gone = was.map(|(_, event)| (Membership::Leave, event));
            let Some((membership, event)) = is.or(gone) else { continue };
            let mut position =
                tx.append(&Change::Membership { room: self.nid, user: user.clone(), membership });
            // Who takes another name goes on being joined since they were.
            if let (Some((Membership::Join, _)), Membership::Join) = (was, membership)
                && let Some(row) = tx.get(&schema::MEMBERSHIPS, (self.nid, &user))?
            {
                position = row.position;
            }
            let row = is.map(|(membership, event)| MembershipRow { membership, event, position });
            self.write_membership(tx, &user, was.map(|(was, _)| was), row.as_ref());
            let row = UserRoomRow {
                membership,
                event,
                position,
                forgotten: false,
                stripped_state: None,
                room_type: room_type.clone(),
            };
            tx.put(&schema::USER_ROOMS, (&user, self.nid), &row);
        }
        Ok(())
    }
}

/// Puts the real positions into a head that was committed.
fn settle(head: &mut Head, before: Position) {
    for position in [&mut head.position, &mut head.state_position, &mut head.arrived] {
        *position = position.settled(before);
    }
}

fn add(count: &mut u64, change: i64) {
    *count = count.saturating_add_signed(change);
}

impl Room {
    /// Hides a room that a user has left from the user's list.
    pub async fn forget(&self, user: &UserId) -> Result<(), RoomError> {
        let writer = self.0.writer.lock().await;
        let mut tx = self.shared().store.begin()?;
        let Some(row) = tx.get(&schema::USER_ROOMS, (user, self.nid()))? else {
            return Err(RoomError::UnknownRoom);
        };
        if !matches!(row.membership, Membership::Leave | Membership::Ban) {
            return Err(RoomError::Forbidden("leave the room before forgetting it".to_owned()));
        }
        tx.put(&schema::USER_ROOMS, (user, self.nid()), &UserRoomRow { forgotten: true, ..row });
        let commit = tx.submit();
        drop(writer);
        commit.await?;
        Ok(())
    }
}
