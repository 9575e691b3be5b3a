//! Where nodes are found: in the cache, among those not durable yet, in the store.

use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
};

use hearth_storage::{StateId, StorageError, Store, schema};
use parking_lot::RwLock;
use quick_cache::{Weighter, sync::Cache};

use super::node::Node;

pub(super) struct Nodes {
    store: Store,
    cache: Cache<StateId, Arc<Node>, ByBytes>,
    /// What the store may not have yet, and how many wait for it: two changes can make the same node.
    pending: RwLock<HashMap<StateId, (usize, Arc<Node>)>>,
    /// Nodes read from the store.
    #[cfg(test)]
    pub reads: std::sync::atomic::AtomicU64,
}

/// A node to be written.
#[derive(Debug)]
pub(super) struct NewNode {
    pub id: StateId,
    pub node: Arc<Node>,
    pub encoded: Vec<u8>,
}

/// New nodes, which can be read for as long as this lives.
pub(super) struct Pinned {
    pub nodes: Vec<NewNode>,
    home: Arc<Nodes>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<StateId, Arc<Node>> for ByBytes {
    fn weight(&self, _: &StateId, node: &Arc<Node>) -> u64 {
        node.weight()
    }
}

impl Nodes {
    pub fn new(store: Store, cache_bytes: u64) -> Self {
        // An estimate only: it sizes the first table.
        let expected = (cache_bytes / 1024) as usize;
        Self {
            store,
            cache: Cache::with_weighter(expected, cache_bytes, ByBytes),
            pending: RwLock::default(),
            #[cfg(test)]
            reads: Default::default(),
        }
    }

    pub fn get(&self, id: StateId) -> Result<Arc<Node>, StorageError> {
        if let Some(node) = self.at_hand(id) {
            return Ok(node);
        }
        self.note_reads(1);
        let stored = self.store.view().get(&schema::STATE_NODES, (id,))?;
        self.take(id, stored)
    }

    /// The nodes of these ids, in their order, with one read for all that are not at hand.
    pub fn get_many(&self, ids: &[StateId]) -> Result<Vec<Arc<Node>>, StorageError> {
        let mut nodes: Vec<Option<Arc<Node>>> = ids.iter().map(|id| self.at_hand(*id)).collect();
        let absent: Vec<usize> = (0..ids.len()).filter(|place| nodes[*place].is_none()).collect();
        if !absent.is_empty() {
            self.note_reads(absent.len());
            let keys = absent.iter().map(|place| (ids[*place],));
            let stored = self.store.view().multi_get(&schema::STATE_NODES, keys)?;
            for (place, bytes) in absent.into_iter().zip(stored) {
                nodes[place] = Some(self.take(ids[place], bytes)?);
            }
        }
        Ok(nodes.into_iter().flatten().collect())
    }

    /// Pending nodes are looked for before the store is: a node stops being pending only when it can be read
    /// there.
    fn at_hand(&self, id: StateId) -> Option<Arc<Node>> {
        self.cache.get(&id).or_else(|| self.pending.read().get(&id).map(|(_, node)| node.clone()))
    }

    fn take(&self, id: StateId, stored: Option<Vec<u8>>) -> Result<Arc<Node>, StorageError> {
        let bytes =
            stored.ok_or_else(|| StorageError::Corrupt(format!("node {id:?} of a state tree is missing")))?;
        let node = Arc::new(Node::decode(&bytes)?);
        self.cache.insert(id, node.clone());
        Ok(node)
    }

    /// Makes new nodes readable.
    pub fn pin(home: &Arc<Self>, nodes: Vec<NewNode>) -> Arc<Pinned> {
        if !nodes.is_empty() {
            let mut pending = home.pending.write();
            for NewNode { id, node, .. } in &nodes {
                pending.entry(*id).or_insert_with(|| (0, node.clone())).0 += 1;
            }
        }
        for NewNode { id, node, .. } in &nodes {
            home.cache.insert(*id, node.clone());
        }
        Arc::new(Pinned { nodes, home: home.clone() })
    }

    fn note_reads(&self, _count: usize) {
        #[cfg(test)]
        self.reads.fetch_add(_count as u64, std::sync::atomic::Ordering::Relaxed);
    }

    #[cfg(test)]
    pub fn pending(&self) -> usize {
        self.pending.read().len()
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.nodes.is_empty() {
            return;
        }
        let mut pending = self.home.pending.write();
        for NewNode { id, .. } in &self.nodes {
            if let hash_map::Entry::Occupied(mut held) = pending.entry(*id) {
                held.get_mut().0 -= 1;
                if held.get().0 == 0 {
                    held.remove();
                }
            }
        }
    }
}
