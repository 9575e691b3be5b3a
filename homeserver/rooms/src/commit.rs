//! What is written when events come: one batch, one commit.

use std::sync::Arc;

use hearth_spec::redact;
use hearth_storage::{
    Change, Commit, EventNid, Scan, StateId, StateKeyNid, TimelineOrder, Transaction,
    schema::{
        self,
        rooms::{AliasRow, Membership, MembershipRow, RoomRow, TransactionRow, UserRoomRow},
    },
};
use ruma::{OwnedRoomAliasId, OwnedUserId, UserId};

use crate::{
    RoomError,
    event::Event,
    out_of_room::Note,
    reachability::Added,
    room::{Head, Room, RoomInner},
    shared::{Shared, membership_of},
    state_tree::Grown,
    writer::{TransactionKey, Writer},
};

/// Events that were decided on and wait to be committed together, and the head they lead to.
pub(crate) struct Staged {
    shared: Arc<Shared>,
    committed: bool,
    pub head: Head,
    pub events: Vec<StagedEvent>,
    /// Events changed by a redaction.
    pub redacted: Vec<Redacted>,
    /// Redactions whose events are not here yet, and those that found theirs.
    pub waiting_redactions: Vec<(ruma::OwnedEventId, EventNid)>,
    pub found_redactions: Vec<(ruma::OwnedEventId, EventNid)>,
    pub grown: Vec<Grown>,
    pub added: Vec<Added>,
    pub state_keys: Vec<StateKeyNid>,
    /// The new memberships of the current state.
    pub memberships: Vec<MembershipChange>,
    pub state_changed: bool,
    pub transactions: Vec<(TransactionKey, EventNid)>,
    pub created: Option<NewRoom>,
    /// The room comes here from elsewhere, with the event that is staged.
    pub arrives: bool,
    /// A membership that is not of the room's state.
    pub note: Option<Note>,
}

/// An event before and after a redaction.
pub(crate) struct Redacted {
    pub whole: Arc<Event>,
    pub left: Arc<Event>,
}

/// A room on its way: what is written once for it.
pub(crate) struct NewRoom {
    pub row: RoomRow,
    pub alias: Option<(OwnedRoomAliasId, AliasRow)>,
    pub published: bool,
}

/// A user's membership before and after, each with its event.
pub(crate) struct MembershipChange {
    pub user: OwnedUserId,
    pub was: Option<(Membership, EventNid)>,
    pub is: Option<(Membership, EventNid)>,
}

/// An event on its way.
pub(crate) struct StagedEvent {
    pub event: Arc<Event>,
    pub place: Place,
}

/// Where in the timeline an event comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// After all others.
    End,
    /// Among those that were here before.
    At(TimelineOrder),
    /// Clients are not shown it.
    Nowhere,
}

impl Staged {
    pub fn new(shared: &Arc<Shared>, head: Head) -> Self {
        Self {
            shared: shared.clone(),
            committed: false,
            head,
            events: Vec::new(),
            redacted: Vec::new(),
            waiting_redactions: Vec::new(),
            found_redactions: Vec::new(),
            grown: Vec::new(),
            added: Vec::new(),
            state_keys: Vec::new(),
            memberships: Vec::new(),
            state_changed: false,
            transactions: Vec::new(),
            created: None,
            arrives: false,
            note: None,
        }
    }
}

impl Drop for Staged {
    /// What is not committed was never there.
    fn drop(&mut self) {
        if !self.committed {
            let left = self.redacted.iter().map(|redacted| &redacted.left);
            self.shared.events.unstage(self.events.iter().map(|staged| &staged.event).chain(left));
        }
    }
}

impl RoomInner {
    /// Takes over a new current state: who joined, who left; as many steps as there are differences.
    pub fn change_state(&self, staged: &mut Staged, old: StateId, new: StateId) -> Result<(), RoomError> {
        let mut changes = Vec::new();
        for (key, was, is) in self.shared.trees.diff(old, new)? {
            let name = self.shared.state_keys.name(key)?;
            if name.event_type == "m.room.member"
                && let Ok(user) = UserId::parse(&*name.state_key)
            {
                changes.push((user, was, is));
            }
        }
        // With one read for all: a room that comes here changes thousands.
        let nids: Vec<EventNid> = changes.iter().flat_map(|(_, was, is)| [*was, *is]).flatten().collect();
        let mut events = self.shared.events_of(&nids)?.into_iter();
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
        staged.state_changed = true;
        Ok(())
    }

    /// Empties what a redaction redacts, and what waiting redactions redact of a new event.
    pub fn apply_redactions(&self, staged: &mut Staged, event: &Arc<Event>) -> Result<(), RoomError> {
        if event.pdu.type_str() == "m.room.redaction"
            && let Some(target) = event.pdu.redacts().map(ToOwned::to_owned)
        {
            match self.shared.event_by_id(&target)? {
                Some(redacted) => self.apply_redaction(staged, &redacted, event)?,
                None => staged.waiting_redactions.push((target, event.nid)),
            }
        }
        let waiting = self.shared.store.view();
        for row in waiting.scan(&schema::PENDING_REDACTIONS, Scan::prefix((event.id(),))) {
            let ((target, redaction), ()) = row?;
            let redaction = self.shared.referred(redaction)?;
            self.apply_redaction(staged, event, &redaction)?;
            staged.found_redactions.push((target, redaction.nid));
        }
        Ok(())
    }

    fn apply_redaction(
        &self,
        staged: &mut Staged,
        target: &Arc<Event>,
        redaction: &Arc<Event>,
    ) -> Result<(), RoomError> {
        if target.redacted_by.is_some() || !self.redacts(redaction, target)? {
            return Ok(());
        }
        let left = Arc::new(target.redacted(redact(&target.pdu, self.version)?, redaction.nid));
        self.shared.events.stage(left.clone());
        staged.redacted.push(Redacted { whole: target.clone(), left });
        Ok(())
    }

    /// Queues all that was staged as one atomic commit, and moves the writer's head.
    pub fn commit(self: &Arc<Self>, writer: &mut Writer, mut staged: Staged) -> Result<Commit, RoomError> {
        let mut tx = self.shared.store.begin()?;
        let first = tx.next_position();
        let mut shown = Vec::with_capacity(staged.events.len());
        let mut history = None;
        for StagedEvent { event, place } in &staged.events {
            let order = match place {
                Place::End => {
                    let position = tx.append(&Change::Event { room: self.nid, event: event.nid });
                    staged.head.position = position;
                    shown.push(event.clone());
                    TimelineOrder::from(position)
                }
                Place::At(order) => {
                    history = history.max(Some(*order));
                    *order
                }
                Place::Nowhere => {
                    // One that was decided against is missing no more.
                    if event.state.is_some() {
                        self.note_found(&mut tx, event)?;
                    }
                    continue;
                }
            };
            self.write_place(&mut tx, event, order)?;
        }
        if staged.arrives {
            staged.head.arrived = staged.head.position;
        }
        for Redacted { whole, left } in &staged.redacted {
            // One that comes and is redacted in the same commit.
            if let (Some(order), None) = (whole.order(), left.order()) {
                left.place(order);
            }
        }
        if staged.state_changed {
            staged.head.state_position = first;
            tx.put(&schema::STATE_HISTORY, (self.nid, first), &staged.head.state);
        }
        let servers = self.count_servers(&staged.memberships)?;
        self.write_memberships(&mut tx, std::mem::take(&mut staged.memberships));
        if let Some(note) = staged.note.take() {
            self.write_note(&mut tx, note);
        }
        self.write_events(&mut tx, &staged)?;
        self.write_servers(&mut tx, servers);
        // A room that is only heard of has no head.
        if !staged.head.extremities.is_empty() {
            tx.put(&schema::ROOM_HEADS, (self.nid,), &staged.head);
        }
        let (room, head) = (self.clone(), staged.head.clone());
        let redacted = std::mem::take(&mut staged.redacted);
        tx.on_durable(move || {
            if let Some(order) = history {
                room.history_came(order);
            }
            room.publish(head, shown);
            for event in &redacted {
                room.replace_recent(&event.left);
            }
        });
        writer.head = staged.head.clone();
        staged.committed = true;
        Ok(tx.submit())
    }

    /// Gives an event its place in the timeline, and writes the indexes by it.
    fn write_place(
        &self,
        tx: &mut Transaction<'_>,
        event: &Arc<Event>,
        order: TimelineOrder,
    ) -> Result<(), RoomError> {
        event.place(order);
        tx.put(&schema::TIMELINE, (self.nid, order), &event.nid);
        tx.put(&schema::TIMESTAMPS, (self.nid, event.ts(), order), &event.nid);
        self.note_missing(tx, event, order)?;
        // What is made here nobody has named before.
        if order.is_history() || event.pdu.sender().server_name() != self.shared.server_name {
            self.note_found(tx, event)?;
        }
        self.relate(tx, event, order)
    }

    fn write_memberships(&self, tx: &mut Transaction<'_>, changes: Vec<MembershipChange>) {
        for MembershipChange { user, was, is } in changes {
            // A resolution may take a membership away: to the user that is having left, by what was there.
            let gone = was.map(|(_, event)| (Membership::Leave, event));
            let Some((membership, event)) = is.or(gone) else { continue };
            let position = tx.append(&Change::Membership { room: self.nid, user: user.clone(), membership });
            let row = is.map(|(membership, event)| MembershipRow { membership, event, position });
            self.write_membership(tx, &user, was.map(|(was, _)| was), row.as_ref());
            let row = UserRoomRow { membership, event, position, forgotten: false, stripped_state: None };
            tx.put(&schema::USER_ROOMS, (&user, self.nid), &row);
        }
    }

    fn write_events(&self, tx: &mut Transaction<'_>, staged: &Staged) -> Result<(), RoomError> {
        if let Some(room) = &staged.created {
            tx.put(&schema::ROOMS, (self.nid,), &room.row);
            tx.put(&schema::ROOM_NIDS, (&self.id,), &self.nid);
            if let Some((alias, row)) = &room.alias {
                tx.put(&schema::ALIASES, (alias,), row);
                tx.put(&schema::ROOM_ALIASES, (self.nid, alias), &());
            }
            if room.published {
                tx.put(&schema::DIRECTORY, (self.nid,), &());
            }
        }
        for key in &staged.state_keys {
            self.shared.state_keys.write(tx, *key);
        }
        for grown in &staged.grown {
            self.shared.trees.write(tx, grown);
        }
        for added in &staged.added {
            self.shared.reachability.write(tx, added);
        }
        let events: Vec<Arc<Event>> = staged.events.iter().map(|staged| staged.event.clone()).collect();
        self.shared.events.write(tx, &events);
        // After them: an event may be redacted in the commit that brings it.
        let left: Vec<Arc<Event>> = staged.redacted.iter().map(|event| event.left.clone()).collect();
        self.shared.events.write(tx, &left);
        for event in &staged.redacted {
            self.unrelate(tx, &event.whole)?;
        }
        for (target, redaction) in &staged.waiting_redactions {
            tx.put(&schema::PENDING_REDACTIONS, (target, *redaction), &());
        }
        for (target, redaction) in &staged.found_redactions {
            tx.delete(&schema::PENDING_REDACTIONS, (target, *redaction));
        }
        for (key, nid) in &staged.transactions {
            let event_id = self.shared.referred(*nid)?.id().to_owned();
            self.shared.transactions.insert(key.clone(), *nid);
            let (user, device, text) = key;
            tx.put(&schema::TRANSACTIONS, (user, device, text), &TransactionRow { event_id });
        }
        let keys = staged.transactions.iter().map(|(key, _)| key.clone()).collect();
        self.shared.transactions.settle(tx, keys);
        Ok(())
    }
}

fn add(count: &mut u64, change: i64) {
    *count = count.saturating_add_signed(change);
}

impl Room {
    /// Hides a room that a user has left from the user's list.
    pub async fn forget(&self, user: &UserId) -> Result<(), RoomError> {
        let writer = self.0.writer.lock().await;
        let view = self.shared().store.view();
        let Some(row) = view.get(&schema::USER_ROOMS, (user, self.nid()))? else {
            return Err(RoomError::UnknownRoom);
        };
        if !matches!(row.membership, Membership::Leave | Membership::Ban) {
            return Err(RoomError::Forbidden("leave the room before forgetting it".to_owned()));
        }
        let commit = {
            let mut tx = self.shared().store.begin()?;
            tx.put(&schema::USER_ROOMS, (user, self.nid()), &UserRoomRow { forgotten: true, ..row });
            tx.submit()
        };
        drop(writer);
        commit.await?;
        Ok(())
    }
}
