//! One destination: what it has to be told, and how it stands with it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use hearth_storage::{EventNid, Position, RoomNid};
use ruma::OwnedUserId;

use super::ephemeral::EphemeralQueue;

/// An event to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::outbox) struct Queued {
    pub position: Position,
    pub room: RoomNid,
    pub event: EventNid,
}

/// What is to be told of a user's device list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct ListWork {
    /// The first position that hangs on it.
    pub held: Position,
    /// Where it changed; with nothing here, what changed last is told.
    pub changes: Vec<Position>,
}

/// More changes of one list than this are told by the last, which shows that others were missed.
const MAX_CHANGES: usize = 2;

impl ListWork {
    pub fn new(position: Position, whole: bool) -> Self {
        Self { held: position, changes: if whole { Vec::new() } else { vec![position] } }
    }

    pub fn add(&mut self, position: Position, whole: bool) {
        if whole || self.changes.len() == MAX_CHANGES {
            self.changes.clear();
        } else if !self.changes.is_empty() {
            self.changes.push(position);
        }
    }
}

/// A destination with something to be told, or that is behind.
#[derive(Default)]
pub(super) struct Destination {
    pub queue: VecDeque<Queued>,
    pub lists: BTreeMap<OwnedUserId, ListWork>,
    pub ephemeral: EphemeralQueue,
    /// Rooms in which it is behind, each with the first position that it missed. They stand in the store.
    pub missed: HashMap<RoomNid, Position>,
    /// Further ones stand only there, from this room on.
    pub stored_rooms: Option<RoomNid>,
    /// EDUs wait for it in the store.
    pub stored_edus: bool,
    /// Device lists are to be told that stand in the store.
    pub stored_lists: bool,
    pub sending: Option<Sending>,
    /// It failed, and is left alone until it is woken.
    pub resting: bool,
    /// It stands among those that are ready.
    pub enlisted: bool,
}

/// What is on its way to a destination.
#[derive(Default)]
pub(super) struct Sending {
    pub events: Vec<Queued>,
    pub lists: BTreeMap<OwnedUserId, ListWork>,
    /// Rooms in which it is caught up: until it has the transaction, they stand in the store as missed.
    pub rooms: Vec<(RoomNid, Position)>,
    pub stored_edus: bool,
    pub stored_lists: bool,
    /// Users written to the store while this is on its way: they are to be told again.
    pub relisted: HashSet<OwnedUserId>,
}

impl Destination {
    /// Whether it is being caught up in a room.
    pub fn catches_up(&self, room: RoomNid) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.rooms.iter().any(|(known, _)| *known == room))
    }

    pub fn has_work(&self) -> bool {
        !self.queue.is_empty()
            || !self.lists.is_empty()
            || !self.ephemeral.is_empty()
            || !self.missed.is_empty()
            || self.stored_rooms.is_some()
            || self.stored_edus
            || self.stored_lists
    }

    /// Nothing is lost if it is forgotten.
    pub fn is_idle(&self) -> bool {
        !self.has_work() && self.sending.is_none() && !self.resting
    }

    /// Whether it can be given a transaction.
    pub fn is_ready(&self) -> bool {
        self.has_work() && self.sending.is_none() && !self.resting
    }
}
