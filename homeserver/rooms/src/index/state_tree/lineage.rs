//! What sets were made of, remembered for a while: most differences that are asked for are of close relatives (the
//! state before and after an event, the states of two forks), and are found here without a look into the sets.

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::{EventNid, StateId, StateKeyNid};
use quick_cache::{Weighter, sync::Cache};

use super::Difference;

/// The most changes of a step that are remembered.
const MAX_CHANGES: usize = 64;
/// The most steps that are gone from one of two sets to where they meet. Beyond it the sets are walked.
const MAX_STEPS: usize = 32;

pub(super) struct Lineage {
    steps: Cache<StateId, Arc<Step>, ByBytes>,
}

/// One of the ways in which a set can be made.
struct Step {
    from: StateId,
    changes: Box<[Difference]>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<StateId, Arc<Step>> for ByBytes {
    fn weight(&self, _: &StateId, step: &Arc<Step>) -> u64 {
        (size_of_val::<[Difference]>(&step.changes) + size_of::<Step>() + 64) as u64
    }
}

/// A set and those it was made of, the newest first, as far as is known.
struct Ancestry {
    sets: Vec<StateId>,
    /// How each set was made of the next.
    steps: Vec<Arc<Step>>,
}

/// The keys that changed on the way from an ancestor, each with its value there and now.
type Changed = BTreeMap<StateKeyNid, (Option<EventNid>, Option<EventNid>)>;

impl Lineage {
    pub fn new(bytes: u64) -> Self {
        // An estimate only: it sizes the first table.
        Self { steps: Cache::with_weighter((bytes / 256) as usize, bytes, ByBytes) }
    }

    /// A set was made by these changes.
    pub fn note(&self, from: StateId, changes: Vec<Difference>, made: StateId) {
        if changes.len() <= MAX_CHANGES {
            self.steps.insert(made, Arc::new(Step { from, changes: changes.into() }));
        }
    }

    /// The keys whose values differ, in the order of the keys, if it is known where the two sets meet.
    pub fn diff(&self, old: StateId, new: StateId) -> Option<Vec<Difference>> {
        let (mut old, mut new) = (Ancestry::of(old), Ancestry::of(new));
        for _ in 0..MAX_STEPS {
            let before_new = new.next(self);
            if let Some(steps) = before_new.and_then(|ancestor| old.place(ancestor)) {
                return Some(between(&old.steps[..steps], &new.steps));
            }
            let before_old = old.next(self);
            if let Some(steps) = before_old.and_then(|ancestor| new.place(ancestor)) {
                return Some(between(&old.steps, &new.steps[..steps]));
            }
            before_new.or(before_old)?;
        }
        None
    }
}

impl Ancestry {
    fn of(set: StateId) -> Self {
        Self { sets: vec![set], steps: Vec::new() }
    }

    /// Goes one step back, if it is known.
    fn next(&mut self, lineage: &Lineage) -> Option<StateId> {
        let step = lineage.steps.get(self.sets.last()?)?;
        self.sets.push(step.from);
        self.steps.push(step.clone());
        Some(step.from)
    }

    /// How many steps back a set is.
    fn place(&self, set: StateId) -> Option<usize> {
        self.sets.iter().position(|known| *known == set)
    }
}

/// What differs between two sets of which this is known: the steps from each back to one ancestor.
fn between(old: &[Arc<Step>], new: &[Arc<Step>]) -> Vec<Difference> {
    let (old, new) = (changed(old), changed(new));
    let mut found: Vec<Difference> = new
        .iter()
        .map(|(key, (at_ancestor, is))| (*key, old.get(key).map_or(*at_ancestor, |(_, was)| *was), *is))
        .collect();
    let only_old = old.iter().filter(|(key, _)| !new.contains_key(key));
    found.extend(only_old.map(|(key, (at_ancestor, was))| (*key, *was, *at_ancestor)));
    found.retain(|(_, was, is)| was != is);
    found.sort_unstable_by_key(|&(key, ..)| key);
    found
}

fn changed(steps: &[Arc<Step>]) -> Changed {
    let mut changed = Changed::new();
    for (key, was, is) in steps.iter().flat_map(|step| &step.changes) {
        // Steps go back: the first is the newest, the last the one next to the ancestor.
        changed.entry(*key).or_insert((*was, *is)).0 = *was;
    }
    changed
}
