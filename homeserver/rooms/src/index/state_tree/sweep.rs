//! Deleting the nodes that no set is made of any more, while others make new ones.

use std::{collections::HashSet, sync::Arc};

use futures::executor::block_on;
use hearth_storage::{Scan, StateId, StorageError, Store, View, schema};

use super::{StateTrees, marks::Marks, node::Node};

/// How many nodes are remembered as looked at. Beyond it some are looked at again.
const REMEMBERED: usize = 1 << 20;
/// How many nodes are deleted in one commit.
const AT_ONCE: usize = 1_000;

/// A sweep under way. All nodes that are submitted since it began are kept.
pub struct Sweep<'a> {
    trees: &'a StateTrees,
    store: &'a Store,
    view: Arc<View>,
    marks: Marks,
    looked_at: HashSet<StateId>,
}

impl StateTrees {
    /// Begins a sweep; `None` while another is under way.
    pub fn begin_sweep<'a>(&'a self, store: &'a Store) -> Result<Option<Sweep<'a>>, StorageError> {
        {
            let mut submitted = self.submitted.lock();
            if submitted.is_some() {
                return Ok(None);
            }
            *submitted = Some(HashSet::new());
        }
        let mut sweep = Sweep {
            trees: self,
            store,
            view: Arc::new(store.snapshot()),
            marks: Marks::new(0),
            looked_at: HashSet::new(),
        };
        // What was submitted before is on the disk with this one, and what refers to it.
        block_on(store.begin()?.submit())?;
        sweep.view = Arc::new(store.snapshot());
        sweep.marks = Marks::new(sweep.count()?);
        Ok(Some(sweep))
    }
}

impl Sweep<'_> {
    /// What there was when it began: what is in use is looked up in it.
    pub fn view(&self) -> Arc<View> {
        self.view.clone()
    }

    fn count(&self) -> Result<u64, StorageError> {
        let mut nodes = 0;
        for row in self.view.scan(&schema::STATE_NODES, Scan::all()) {
            row?;
            nodes += 1;
        }
        Ok(nodes)
    }

    /// A set is in use: all of its nodes are kept.
    pub fn keep(&mut self, root: StateId) -> Result<(), StorageError> {
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if id == StateId::EMPTY || self.looked_at.contains(&id) {
                continue;
            }
            if self.looked_at.len() == REMEMBERED {
                self.looked_at.clear();
            }
            self.looked_at.insert(id);
            self.marks.insert(id);
            let Some(bytes) = self.view.get(&schema::STATE_NODES, (id,))? else {
                return Err(StorageError::Corrupt(format!("node {id:?} of a state tree is missing")));
            };
            if let Node::Branch(branch) = Node::decode(&bytes)? {
                open.extend(branch.children.iter().flatten().map(|child| child.id));
            }
        }
        Ok(())
    }

    /// Deletes the nodes that are not kept; how many.
    pub fn delete_others(&self) -> Result<u64, StorageError> {
        let mut deleted = 0;
        let mut unmarked = Vec::with_capacity(AT_ONCE);
        for row in self.view.scan(&schema::STATE_NODES, Scan::all()) {
            let ((id,), _) = row?;
            if !self.marks.may_have(id) {
                unmarked.push(id);
            }
            if unmarked.len() == AT_ONCE {
                deleted += self.delete(&std::mem::take(&mut unmarked))?;
            }
        }
        Ok(deleted + self.delete(&unmarked)?)
    }

    /// Deletes those of the nodes that were not submitted since.
    fn delete(&self, ids: &[StateId]) -> Result<u64, StorageError> {
        // Held until this is submitted: who writes one of them anew comes after it.
        let submitted = self.trees.submitted.lock();
        let mut tx = self.store.begin()?;
        let mut deleted = 0;
        for id in ids {
            if submitted.as_ref().is_some_and(|submitted| !submitted.contains(id)) {
                tx.delete(&schema::STATE_NODES, (*id,));
                deleted += 1;
            }
        }
        let commit = tx.submit();
        drop(submitted);
        block_on(commit)?;
        Ok(deleted)
    }
}

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        *self.trees.submitted.lock() = None;
    }
}
