//! Where nodes are found: in the cache or among the rows.

use std::sync::Arc;

use hearth_storage::{StateId, StorageError, View, schema};
use quick_cache::{Weighter, sync::Cache};

use super::node::Node;

pub(super) struct NodeCache {
    nodes: Cache<StateId, Arc<Node>, ByBytes>,
    /// Nodes that the cache did not have.
    #[cfg(test)]
    pub reads: std::sync::atomic::AtomicU64,
}

/// The nodes as a view shows them.
#[derive(Clone, Copy)]
pub(super) struct Nodes<'a> {
    view: &'a View,
    cache: &'a NodeCache,
}

/// A node to be written.
#[derive(Debug)]
pub(super) struct NewNode {
    pub id: StateId,
    pub node: Arc<Node>,
    pub encoded: Vec<u8>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<StateId, Arc<Node>> for ByBytes {
    fn weight(&self, _: &StateId, node: &Arc<Node>) -> u64 {
        node.weight()
    }
}

impl NodeCache {
    pub fn new(cache_bytes: u64) -> Self {
        // An estimate only: it sizes the first table.
        let expected = (cache_bytes / 1024) as usize;
        Self {
            nodes: Cache::with_weighter(expected, cache_bytes, ByBytes),
            #[cfg(test)]
            reads: Default::default(),
        }
    }

    pub fn read<'a>(&'a self, view: &'a View) -> Nodes<'a> {
        Nodes { view, cache: self }
    }

    pub fn insert(&self, id: StateId, node: Arc<Node>) {
        self.nodes.insert(id, node);
    }
}

impl Nodes<'_> {
    pub fn get(&self, id: StateId) -> Result<Arc<Node>, StorageError> {
        if let Some(node) = self.cache.nodes.get(&id) {
            return Ok(node);
        }
        self.note_reads(1);
        let stored = self.view.get(&schema::STATE_NODES, (id,))?;
        self.take(id, stored)
    }

    /// The nodes of these ids, in their order, with one read for all that are not at hand.
    pub fn get_many(&self, ids: &[StateId]) -> Result<Vec<Arc<Node>>, StorageError> {
        let mut nodes: Vec<Option<Arc<Node>>> = ids.iter().map(|id| self.cache.nodes.get(id)).collect();
        let absent: Vec<usize> = (0..ids.len()).filter(|place| nodes[*place].is_none()).collect();
        if !absent.is_empty() {
            self.note_reads(absent.len());
            let keys = absent.iter().map(|place| (ids[*place],));
            let stored = self.view.multi_get(&schema::STATE_NODES, keys)?;
            for (place, bytes) in absent.into_iter().zip(stored) {
                nodes[place] = Some(self.take(ids[place], bytes)?);
            }
        }
        Ok(nodes.into_iter().flatten().collect())
    }

    fn take(&self, id: StateId, stored: Option<Vec<u8>>) -> Result<Arc<Node>, StorageError> {
        let bytes =
            stored.ok_or_else(|| StorageError::Corrupt(format!("node {id:?} of a state tree is missing")))?;
        let node = Arc::new(Node::decode(&bytes)?);
        self.cache.insert(id, node.clone());
        Ok(node)
    }

    fn note_reads(&self, _count: usize) {
        #[cfg(test)]
        self.cache.reads.fetch_add(_count as u64, std::sync::atomic::Ordering::Relaxed);
    }
}
