//! What sets of state were resolved to.

use hearth_storage::StateId;
use quick_cache::{Weighter, sync::Cache};

/// What sets of state were resolved to: with each message on a fork the same ones meet again.
pub(crate) struct Resolutions(Cache<Box<[StateId]>, StateId, BySets>);

#[derive(Clone)]
struct BySets;

impl Weighter<Box<[StateId]>, StateId> for BySets {
    fn weight(&self, sets: &Box<[StateId]>, _: &StateId) -> u64 {
        (size_of_val::<[StateId]>(sets) + 96) as u64
    }
}

impl Resolutions {
    pub fn new(cache_bytes: u64) -> Self {
        Self(Cache::with_weighter((cache_bytes / 160) as usize, cache_bytes, BySets))
    }

    pub fn get(&self, sets: &[StateId]) -> Option<StateId> {
        self.0.get(sets)
    }

    /// Remembers what is written with a commit that was submitted: what is only staged may never be there.
    pub fn remember(&self, resolved: Vec<(Box<[StateId]>, StateId)>) {
        for (sets, root) in resolved {
            self.0.insert(sets, root);
        }
    }

    /// Forgets all of them: a set to which nothing refers may be deleted.
    pub fn forget(&self) {
        self.0.clear();
    }
}
