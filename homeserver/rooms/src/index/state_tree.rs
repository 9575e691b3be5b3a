//! State as a persistent tree: `(type, state_key)` → event, both interned.
//!
//! A set of state is a hash trie whose nodes are named by their content, so equal sets have one [`StateId`]
//! however they came about, sets share the parts they have in common, a change makes O(log n) new nodes, and
//! the difference of two sets is found by walking only where their ids differ, or, of close relatives, without
//! walking at all.
//!
//! ```text
//! branch (sixteen ways by four bits of the key's hash, each with its id and count)
//!  ├─ leaf (up to 48 entries in the order of their hashes)
//!  └─ branch …
//! ```
//!
//! A subtree of up to 48 entries is always a leaf and a larger one always a branch: the shape follows from
//! the content alone.

mod diff;
mod grow;
mod lineage;
mod marks;
mod node;
mod nodes;
mod read;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use hearth_storage::{Commit, EventNid, StateId, StateKeyNid, StorageError, Transaction, View, schema};
use parking_lot::Mutex;

use self::{
    grow::{Edit, Growth},
    lineage::Lineage,
    node::mix,
    nodes::{NewNode, NodeCache, Nodes},
};

pub use self::sweep::Sweep;

/// All sets of state of all rooms. Nodes are read through a cache of a bounded weight.
pub struct StateTrees {
    cache: NodeCache,
    /// While a sweep is under way: the nodes that were submitted since.
    submitted: Mutex<Option<HashSet<StateId>>>,
    lineage: Lineage,
}

/// The sets as a view shows them.
#[derive(Clone, Copy)]
pub struct Trees<'a> {
    nodes: Nodes<'a>,
    lineage: &'a Lineage,
}

/// A key whose value differs between two sets: its value in the old one and in the new one.
pub type Difference = (StateKeyNid, Option<EventNid>, Option<EventNid>);

impl StateTrees {
    /// Trees with a cache of so many bytes.
    pub fn new(cache_bytes: u64) -> Self {
        let for_lineage = cache_bytes / 16;
        Self {
            cache: NodeCache::new(cache_bytes - for_lineage),
            submitted: Mutex::default(),
            lineage: Lineage::new(for_lineage),
        }
    }

    /// The sets as a view shows them.
    pub fn read<'a>(&'a self, view: &'a View) -> Trees<'a> {
        Trees { nodes: self.cache.read(view), lineage: &self.lineage }
    }

    /// Writes the set with these changes made: a value to put, or `None` to remove. The last change of a key
    /// counts.
    pub fn set(
        &self,
        tx: &mut Transaction,
        root: StateId,
        changes: &[(StateKeyNid, Option<EventNid>)],
    ) -> Result<StateId, StorageError> {
        self.grow(tx, root, changes, &mut Vec::new())
    }

    /// The same, naming the nodes that are written: where sweeps go on meanwhile, [`submit`](Self::submit) wants them.
    pub fn grow(
        &self,
        tx: &mut Transaction,
        root: StateId,
        changes: &[(StateKeyNid, Option<EventNid>)],
        written: &mut Vec<StateId>,
    ) -> Result<StateId, StorageError> {
        let mut edits: Vec<Edit> = changes.iter().map(|&(key, value)| (mix(key), key, value)).collect();
        edits.sort_by_key(|&(hash, ..)| hash);
        // The sort is stable and a key's hash is its own: the last of equal hashes is the last change.
        edits.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.2 = later.2;
            }
            same
        });
        let mut growth = Growth::new(self.cache.read(tx));
        let draft = growth.edit_root(root, &edits)?;
        let made = growth.finish(draft).map_or(StateId::EMPTY, |child| child.id);
        let (new, changes) = growth.into_parts();
        if made != root {
            self.lineage.note(root, changes, made);
        }
        for NewNode { id, node, encoded } in new {
            tx.put(&schema::STATE_NODES, (id,), &encoded);
            written.push(id);
            // A node is named by its content: should the transaction be dropped, it is still what it is.
            self.cache.insert(id, node);
        }
        Ok(made)
    }

    /// Submits a transaction that writes nodes: a sweep leaves them alone from then on.
    pub fn submit(&self, tx: Transaction, written: &[StateId]) -> Commit {
        let mut submitted = self.submitted.lock();
        if let Some(submitted) = &mut *submitted {
            submitted.extend(written);
        }
        tx.submit()
    }

    /// Writes a set from its entries, in any order; the last of equal keys counts.
    pub fn build(
        &self,
        tx: &mut Transaction,
        entries: impl IntoIterator<Item = (StateKeyNid, EventNid)>,
    ) -> Result<StateId, StorageError> {
        let changes: Vec<_> = entries.into_iter().map(|(key, event)| (key, Some(event))).collect();
        self.set(tx, StateId::EMPTY, &changes)
    }
}
