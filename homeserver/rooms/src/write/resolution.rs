//! State where forks meet: what the rules in `hearth-spec` ask of the graph, answered from the indexes.

use std::{collections::BTreeMap, sync::Arc};

use hearth_spec::{
    Pdu,
    state_resolution::{Conflict, Graph, resolve},
};
use hearth_storage::{EventNid, StateId, StateKeyNid, blocking, schema::rooms::Standing};
use ruma::events::StateEventType;

use crate::{
    RoomError,
    read::{reading::Reader, room::RoomInner},
    write::staged::Staged,
};

impl RoomInner {
    /// What the states after all forward extremities resolve to.
    pub fn resolve_extremities(&self, staged: &mut Staged) -> Result<StateId, RoomError> {
        let mut states = Vec::with_capacity(staged.head.extremities.len());
        for nid in &staged.head.extremities {
            if let Some(state) = staged.referred(*nid)?.state {
                states.push(state.after);
            }
        }
        self.resolve(staged, states)
    }

    /// What sets of state resolve to. The cost follows what they differ in.
    pub fn resolve(&self, staged: &mut Staged, mut states: Vec<StateId>) -> Result<StateId, RoomError> {
        states.sort_unstable();
        states.dedup();
        let Some((&base, others)) = states.split_first() else { return Ok(StateId::EMPTY) };
        if others.is_empty() {
            return Ok(base);
        }
        if let Some(known) = self.shared.resolutions.get(&states) {
            return Ok(known);
        }
        let root = blocking(|| self.resolve_anew(staged, base, others))?;
        staged.resolved.push((states.into(), root));
        Ok(root)
    }

    fn resolve_anew(
        &self,
        staged: &mut Staged,
        base: StateId,
        others: &[StateId],
    ) -> Result<StateId, RoomError> {
        let fork = Fork::new(staged, base, others)?;
        let conflicted = fork
            .conflicted
            .iter()
            .map(|(key, values)| {
                let mut candidates: Vec<EventNid> = values.iter().copied().flatten().collect();
                candidates.sort_unstable();
                candidates.dedup();
                (*key, candidates)
            })
            .collect();
        let resolved = resolve(self.version, &Conflict { conflicted }, &fork)?;
        staged.set_state(base, &resolved)
    }
}

/// Sets of state that differ, as the rules see them.
struct Fork<'a> {
    staged: &'a Staged,
    /// One of the sets: where all agree, it stands for all.
    base: StateId,
    /// For each key in which they differ, its value in each set.
    conflicted: BTreeMap<StateKeyNid, Vec<Option<EventNid>>>,
    sets: usize,
}

impl<'a> Fork<'a> {
    fn new(staged: &'a Staged, base: StateId, others: &[StateId]) -> Result<Self, RoomError> {
        let trees = staged.shared.trees.read(&staged.tx);
        let mut conflicted: BTreeMap<StateKeyNid, Vec<Option<EventNid>>> = BTreeMap::new();
        let sets = others.len() + 1;
        for (at, other) in others.iter().enumerate() {
            for (key, in_base, value) in trees.diff(base, *other)? {
                conflicted.entry(key).or_insert_with(|| vec![in_base; sets])[at + 1] = value;
            }
        }
        Ok(Self { staged, base, conflicted, sets })
    }
}

impl Graph for Fork<'_> {
    type Key = StateKeyNid;
    type Event = EventNid;
    type Error = RoomError;

    fn event(&self, event: EventNid) -> Result<Arc<Pdu>, RoomError> {
        Ok(self.staged.referred(event)?.pdu.clone())
    }

    fn is_rejected(&self, event: EventNid) -> Result<bool, RoomError> {
        Ok(self.staged.referred(event)?.standing == Standing::Rejected)
    }

    fn auth_events(&self, event: EventNid) -> Result<Vec<EventNid>, RoomError> {
        Ok(self.staged.shared.reachability.read(&self.staged.tx).auth_events(event)?)
    }

    fn key(&self, event_type: &StateEventType, state_key: &str) -> Result<Option<StateKeyNid>, RoomError> {
        Ok(self.staged.shared.state_keys.find(&self.staged.tx, &event_type.to_string(), state_key)?)
    }

    fn key_of(&self, event: EventNid) -> Result<Option<StateKeyNid>, RoomError> {
        let event = self.staged.referred(event)?;
        let Some(state_key) = event.pdu.state_key() else { return Ok(None) };
        Ok(self.staged.shared.state_keys.find(&self.staged.tx, event.pdu.type_str(), state_key)?)
    }

    fn unconflicted(&self, key: StateKeyNid) -> Result<Option<EventNid>, RoomError> {
        if self.conflicted.contains_key(&key) {
            return Ok(None);
        }
        Ok(self.staged.shared.trees.read(&self.staged.tx).get(self.base, key)?)
    }

    fn auth_difference(&self) -> Result<Vec<EventNid>, RoomError> {
        let sets: Vec<Vec<EventNid>> = (0..self.sets)
            .map(|set| self.conflicted.values().filter_map(|values| values[set]).collect())
            .collect();
        let unconflicted = |event: EventNid| -> Result<bool, hearth_storage::StorageError> {
            let Some(key) = self.key_of(event)? else { return Ok(false) };
            Ok(self.unconflicted(key)? == Some(event))
        };
        Ok(self.staged.shared.reachability.read(&self.staged.tx).auth_difference(&sets, unconflicted)?)
    }

    fn conflicted_subgraph(&self, conflicted: &[EventNid]) -> Result<Vec<EventNid>, RoomError> {
        Ok(self.staged.shared.reachability.read(&self.staged.tx).conflicted_subgraph(conflicted)?)
    }
}
