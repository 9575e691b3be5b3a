//! State resolution (room versions 1, 2 and 12, "State resolution").
//!
//! It works on interned ids and is given only what is in conflict: the rest of the state is looked
//! up by key, as the authorization rules ask for it, and never enumerated. Its cost follows the
//! conflict, not the size of the room.

use std::{fmt::Debug, hash::Hash, sync::Arc};

use ruma::events::StateEventType;

use crate::{RoomVersion, pdu::Pdu, room_version::StateResolution};

mod iterative;
mod ordering;
mod version_1;
mod version_2;

/// A small stand-in for an event or for a `(type, state key)` pair.
pub trait Id: Copy + Eq + Ord + Hash + Debug {}

impl<T: Copy + Eq + Ord + Hash + Debug> Id for T {}

/// The keys on which the states to resolve differ.
#[derive(Clone, Debug)]
pub struct Conflict<K, E> {
    /// For each such key the distinct events the states have there. A state that has none there
    /// adds nothing.
    pub conflicted: Vec<(K, Vec<E>)>,
}

/// The room as state resolution asks for it. Every question may fail, as it may go to the disk.
pub trait Graph {
    /// A `(type, state key)` pair.
    type Key: Id;
    /// An event.
    type Event: Id;
    type Error;

    /// The event itself.
    fn event(&self, event: Self::Event) -> Result<Arc<Pdu>, Self::Error>;

    /// Whether the event was rejected when it was received.
    fn is_rejected(&self, event: Self::Event) -> Result<bool, Self::Error>;

    /// The event's auth events, as far as they are known.
    fn auth_events(&self, event: Self::Event) -> Result<Vec<Self::Event>, Self::Error>;

    /// The key of that type and state key; `None` if no event of the room ever had it.
    fn key(&self, event_type: &StateEventType, state_key: &str) -> Result<Option<Self::Key>, Self::Error>;

    /// The key of an event; `None` if it is not a state event.
    fn key_of(&self, event: Self::Event) -> Result<Option<Self::Key>, Self::Error>;

    /// The event that all states have at a key. Not asked for a key in conflict.
    fn unconflicted(&self, key: Self::Key) -> Result<Option<Self::Event>, Self::Error>;

    /// The auth difference of the states: the events that are in the auth chain of one of them but
    /// not of all.
    fn auth_difference(&self) -> Result<Vec<Self::Event>, Self::Error>;

    /// The events on the paths along auth events between any two of these, with the ends. Asked
    /// for in rooms of version 12 only.
    fn conflicted_subgraph(&self, conflicted: &[Self::Event]) -> Result<Vec<Self::Event>, Self::Error>;
}

/// What the resolved state has at some keys: the event, or nothing.
pub type Resolved<G> = Vec<(<G as Graph>::Key, Option<<G as Graph>::Event>)>;

/// Resolves the conflict by the algorithm of the room version.
///
/// The answer has every key in conflict, and any other key that resolution filled though no state
/// had it; all other keys stay as they are. It fails only when the graph does.
pub fn resolve<G: Graph>(
    version: RoomVersion,
    conflict: &Conflict<G::Key, G::Event>,
    graph: &G,
) -> Result<Resolved<G>, G::Error> {
    match version.state_resolution() {
        StateResolution::V1 => version_1::resolve(version, conflict, graph),
        StateResolution::V2 | StateResolution::V2_1 => version_2::resolve(version, conflict, graph),
    }
}
