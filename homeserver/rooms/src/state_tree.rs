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
mod node;
mod nodes;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hearth_storage::{EventNid, StateId, StateKeyNid, StorageError, Store, Transaction, schema};

use self::{
    grow::{Edit, Growth},
    lineage::Lineage,
    node::mix,
    nodes::{NewNode, Nodes, Pinned},
};

/// All sets of state of all rooms. Nodes are read through a cache of a bounded weight.
pub struct StateTrees {
    nodes: Arc<Nodes>,
    lineage: Lineage,
}

/// A new set of state, and the nodes that make it. They can be read at once, for as long as this value lives;
/// once written, until they are durable. Dropped unwritten it leaves nothing behind, so whatever was built on
/// it must be dropped as well.
pub struct Grown {
    /// The set.
    pub root: StateId,
    pinned: Arc<Pinned>,
}

impl Grown {
    /// How many nodes are to be written.
    pub fn new_nodes(&self) -> usize {
        self.pinned.nodes.len()
    }
}

/// A key whose value differs between two sets: its value in the old one and in the new one.
pub type Difference = (StateKeyNid, Option<EventNid>, Option<EventNid>);

impl StateTrees {
    /// Opens the trees of a store, with a cache of so many bytes.
    pub fn new(store: Store, cache_bytes: u64) -> Self {
        let for_lineage = cache_bytes / 16;
        Self {
            nodes: Arc::new(Nodes::new(store, cache_bytes - for_lineage)),
            lineage: Lineage::new(for_lineage),
        }
    }

    /// The set with these changes made: a value to put, or `None` to remove. The last change of a key counts.
    /// Nothing is written; see [`write`](Self::write).
    pub fn set(
        &self,
        root: StateId,
        changes: &[(StateKeyNid, Option<EventNid>)],
    ) -> Result<Grown, StorageError> {
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
        let mut growth = Growth::new(&self.nodes);
        let draft = growth.edit_root(root, &edits)?;
        let made = growth.finish(draft).map_or(StateId::EMPTY, |child| child.id);
        let (new, changes) = growth.into_parts();
        if made != root {
            self.lineage.note(root, changes, made);
        }
        Ok(Grown { root: made, pinned: Nodes::pin(&self.nodes, new) })
    }

    /// A set from its entries, in any order; the last of equal keys counts.
    pub fn build(
        &self,
        entries: impl IntoIterator<Item = (StateKeyNid, EventNid)>,
    ) -> Result<Grown, StorageError> {
        let changes: Vec<_> = entries.into_iter().map(|(key, event)| (key, Some(event))).collect();
        self.set(StateId::EMPTY, &changes)
    }

    /// Puts the new nodes into a transaction, and keeps them readable until it is durable.
    pub fn write(&self, tx: &mut Transaction<'_>, grown: &Grown) {
        if grown.pinned.nodes.is_empty() {
            return;
        }
        for NewNode { id, encoded, .. } in &grown.pinned.nodes {
            tx.put(&schema::STATE_NODES, (*id,), encoded);
        }
        let pinned = grown.pinned.clone();
        tx.on_durable(move || drop(pinned));
    }
}
