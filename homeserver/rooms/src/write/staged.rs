//! What a writer has decided and not committed yet.

use std::sync::Arc;

use hearth_storage::{
    Change, EventNid, Position, StateId, StateKeyNid, TimelineOrder, Transaction, View, schema,
    schema::rooms::Membership,
};
use ruma::OwnedUserId;

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::{Made, Reader},
        room::Head,
        shared::Shared,
    },
};

/// Events that were decided on and are to be committed together, and the head they lead to. Everything is written
/// to the transaction as it is decided, and read from there; what is dropped was never there.
pub(crate) struct Staged {
    pub tx: Transaction,
    pub shared: Arc<Shared>,
    pub head: Head,
    /// The position at which the commit begins.
    pub begins: Position,
    pub made: Made,
    /// The nodes of sets of state that are written.
    pub nodes: Vec<StateId>,
    /// Sets of state that were resolved, and to what.
    pub resolved: Vec<(Box<[StateId]>, StateId)>,
    /// The new memberships of the current state.
    pub memberships: Vec<MembershipChange>,
    /// What the log tells besides, after the events.
    pub changes: Vec<Change>,
}

/// A user's membership before and after, each with its event.
pub(crate) struct MembershipChange {
    pub user: OwnedUserId,
    pub was: Option<(Membership, EventNid)>,
    pub is: Option<(Membership, EventNid)>,
}

/// Where in the timeline an event comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimelinePlace {
    /// After all others, as it is made here just now: nothing that is here can name it.
    New,
    /// After all others.
    End,
    /// Among those that were here before.
    At(TimelineOrder),
    /// Clients are not shown it.
    Nowhere,
}

impl Staged {
    pub fn new(shared: &Arc<Shared>, head: Head) -> Result<Self, RoomError> {
        let tx = shared.store.begin()?;
        Ok(Self {
            begins: tx.next_position(),
            tx,
            shared: shared.clone(),
            head,
            made: Made::default(),
            nodes: Vec::new(),
            resolved: Vec::new(),
            memberships: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// Writes a set of state: another one with these changes made.
    pub fn set_state(
        &mut self,
        root: StateId,
        changes: &[(StateKeyNid, Option<EventNid>)],
    ) -> Result<StateId, RoomError> {
        Ok(self.shared.trees.grow(&mut self.tx, root, changes, &mut self.nodes)?)
    }

    /// Writes a set of state from its entries.
    pub fn build_state(&mut self, entries: Vec<(StateKeyNid, EventNid)>) -> Result<StateId, RoomError> {
        let changes: Vec<_> = entries.into_iter().map(|(key, event)| (key, Some(event))).collect();
        self.set_state(StateId::EMPTY, &changes)
    }

    /// Writes an event as it is now.
    pub fn put_event(&mut self, event: Event) -> Arc<Event> {
        let event = Arc::new(event);
        self.tx.put(&schema::EVENTS, (event.nid,), &event.row());
        self.tx.put(&schema::EVENT_NIDS, (event.id(),), &event.nid);
        self.made.nids.insert(event.id().to_owned(), event.nid);
        self.made.events.insert(event.nid, event.clone());
        event
    }
}

impl Reader for Staged {
    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn view(&self) -> &View {
        &self.tx
    }

    fn made(&self) -> Option<&Made> {
        Some(&self.made)
    }

    fn upto(&self) -> u64 {
        self.shared.store.submitted()
    }
}
