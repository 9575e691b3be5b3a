//! The iterative auth checks, over a state of which only the changed keys are held.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ruma::events::{StateEventType, TimelineEventType};

use super::{Conflict, Graph, Resolved};
use crate::{
    RoomVersion,
    auth::{auth_event_keys_of, check_state},
    pdu::Pdu,
    room_version::StateResolution,
};

/// The events met during a resolution, each asked for once.
pub(super) struct Events<'a, G: Graph> {
    graph: &'a G,
    known: HashMap<G::Event, Shared<G>>,
}

pub(super) type Shared<G> = Arc<Known<<G as Graph>::Event>>;

pub(super) struct Known<E> {
    pub(super) id: E,
    pub(super) pdu: Arc<Pdu>,
    pub(super) auth_events: Vec<E>,
    rejected: bool,
}

impl<'a, G: Graph> Events<'a, G> {
    pub(super) fn new(graph: &'a G) -> Self {
        Self { graph, known: HashMap::new() }
    }

    pub(super) fn graph(&self) -> &'a G {
        self.graph
    }

    pub(super) fn get(&mut self, event: G::Event) -> Result<Shared<G>, G::Error> {
        if let Some(known) = self.known.get(&event) {
            return Ok(Arc::clone(known));
        }
        let known = Arc::new(Known {
            id: event,
            pdu: self.graph.event(event)?,
            auth_events: self.graph.auth_events(event)?,
            rejected: self.graph.is_rejected(event)?,
        });
        self.known.insert(event, Arc::clone(&known));
        Ok(known)
    }

    /// The auth event of that type with an empty state key.
    pub(super) fn auth_event_of(
        &mut self,
        event: &Known<G::Event>,
        event_type: &TimelineEventType,
    ) -> Result<Option<Shared<G>>, G::Error> {
        for &id in &event.auth_events {
            let auth_event = self.get(id)?;
            if auth_event.pdu.event_type() == event_type && auth_event.pdu.state_key() == Some("") {
                return Ok(Some(auth_event));
            }
        }
        Ok(None)
    }
}

/// What lies under the keys that resolution has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Unconflicted,
    Empty,
}

/// A state under resolution.
pub(super) struct PartialState<G: Graph> {
    version: RoomVersion,
    set: HashMap<G::Key, G::Event>,
    conflicted: Arc<HashSet<G::Key>>,
    base: Base,
}

impl<G: Graph> Clone for PartialState<G> {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            set: self.set.clone(),
            conflicted: Arc::clone(&self.conflicted),
            base: self.base,
        }
    }
}

impl<G: Graph> PartialState<G> {
    pub(super) fn new(version: RoomVersion, conflict: &Conflict<G::Key, G::Event>, base: Base) -> Self {
        let conflicted = conflict.conflicted.iter().map(|(key, _)| *key).collect();
        Self { version, set: HashMap::new(), conflicted: Arc::new(conflicted), base }
    }

    pub(super) fn set(&mut self, key: G::Key, event: G::Event) {
        self.set.insert(key, event);
    }

    pub(super) fn get(
        &self,
        graph: &G,
        event_type: &StateEventType,
        state_key: &str,
    ) -> Result<Option<G::Event>, G::Error> {
        let Some(key) = graph.key(event_type, state_key)? else {
            return Ok(None);
        };
        match self.set.get(&key) {
            Some(event) => Ok(Some(*event)),
            None if self.base == Base::Unconflicted => self.unconflicted(graph, key),
            None => Ok(None),
        }
    }

    fn unconflicted(&self, graph: &G, key: G::Key) -> Result<Option<G::Event>, G::Error> {
        if self.conflicted.contains(&key) { Ok(None) } else { graph.unconflicted(key) }
    }

    /// Whether the authorization rules allow the event in this state. For a key they need that is
    /// not there, since room version 2 the event's own auth event stands in. A rejected event does
    /// neither.
    pub(super) fn allows(
        &self,
        events: &mut Events<'_, G>,
        event: &Known<G::Event>,
    ) -> Result<bool, G::Error> {
        let Ok(mut keys) = auth_event_keys_of(&event.pdu) else {
            return Ok(false);
        };
        // Since version 12 the create event is not among the auth events, and always needed.
        let create = (StateEventType::RoomCreate, String::new());
        if self.version.room_id_is_create_event_id() {
            keys.push(create.clone());
        }
        let mut room: Vec<Arc<Pdu>> = Vec::with_capacity(keys.len());
        for key in keys {
            let (event_type, state_key) = &key;
            let mut found = None;
            if let Some(id) = self.get(events.graph(), event_type, state_key)? {
                found = Some(events.get(id)?).filter(|event| !event.rejected);
            }
            if found.is_none() && key == create && self.version.room_id_is_create_event_id() {
                found = self.create_event(events)?;
            }
            if found.is_none() && self.version.state_resolution() != StateResolution::V1 {
                for &id in &event.auth_events {
                    let stands_in = events.get(id)?;
                    if !stands_in.rejected && stands_in.pdu.is_state_of(event_type, state_key) {
                        found = Some(stands_in);
                        break;
                    }
                }
            }
            room.extend(found.map(|event| Arc::clone(&event.pdu)));
        }
        let allowed = check_state(self.version, &event.pdu, |event_type, state_key| {
            room.iter().find(|event| event.is_state_of(event_type, state_key)).cloned()
        });
        Ok(allowed.is_ok())
    }

    /// The create event, which every state of a room has.
    pub(super) fn create_event(&self, events: &mut Events<'_, G>) -> Result<Option<Shared<G>>, G::Error> {
        let graph = events.graph();
        let Some(key) = graph.key(&StateEventType::RoomCreate, "")? else {
            return Ok(None);
        };
        match self.unconflicted(graph, key)? {
            Some(id) => events.get(id).map(Some),
            None => Ok(None),
        }
    }

    /// Applies the events in order, each where the state so far allows it.
    pub(super) fn apply(&mut self, events: &mut Events<'_, G>, sorted: &[G::Event]) -> Result<(), G::Error> {
        for &id in sorted {
            let event = events.get(id)?;
            if let Some(key) = events.graph().key_of(id)?
                && self.allows(events, &event)?
            {
                self.set(key, id);
            }
        }
        Ok(())
    }

    /// The result: where all states agree, what they agree on wins over what was resolved.
    pub(super) fn into_resolved(
        self,
        conflict: &Conflict<G::Key, G::Event>,
        graph: &G,
    ) -> Result<Resolved<G>, G::Error> {
        let mut resolved: Resolved<G> =
            conflict.conflicted.iter().map(|(key, _)| (*key, self.set.get(key).copied())).collect();
        let mut others: Vec<_> = self.set.iter().filter(|(key, _)| !self.conflicted.contains(*key)).collect();
        others.sort_unstable();
        for (&key, &event) in others {
            if graph.unconflicted(key)?.is_none() {
                resolved.push((key, Some(event)));
            }
        }
        Ok(resolved)
    }
}
