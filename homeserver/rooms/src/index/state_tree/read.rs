//! Looking into a set.

use std::sync::Arc;

use hearth_storage::{EventNid, StateId, StateKeyNid, StorageError};

use super::{
    Trees,
    node::{Entry, Node, mix, way},
};

impl<'a> Trees<'a> {
    /// The event that a set has for a key.
    pub fn get(&self, root: StateId, key: StateKeyNid) -> Result<Option<EventNid>, StorageError> {
        if root == StateId::EMPTY {
            return Ok(None);
        }
        let mut node = self.nodes.get(root)?;
        let hash = mix(key);
        for depth in 0.. {
            let next = match &*node {
                Node::Leaf(entries) => return Ok(value_of(entries, key)),
                Node::Branch(branch) => branch.children[way(hash, depth)],
            };
            let Some(child) = next else { return Ok(None) };
            node = self.nodes.get(child.id)?;
        }
        Ok(None)
    }

    /// The events that a set has for some keys, in their order. What is not at hand is read level by level.
    pub fn get_many(
        &self,
        root: StateId,
        keys: &[StateKeyNid],
    ) -> Result<Vec<Option<EventNid>>, StorageError> {
        let mut values = vec![None; keys.len()];
        let mut places: Vec<usize> = (0..keys.len()).collect();
        // Keys of one subtree stand side by side, so that each node is asked for once.
        places.sort_unstable_by_key(|place| mix(keys[*place]));
        let mut parts = if root == StateId::EMPTY { Vec::new() } else { vec![(root, &places[..])] };
        for depth in 0.. {
            if parts.is_empty() {
                break;
            }
            let ids: Vec<StateId> = parts.iter().map(|(id, _)| *id).collect();
            let mut below = Vec::new();
            for (node, (_, places)) in self.nodes.get_many(&ids)?.iter().zip(parts) {
                match &**node {
                    Node::Leaf(entries) => {
                        for &place in places {
                            values[place] = value_of(entries, keys[place]);
                        }
                    }
                    Node::Branch(branch) => {
                        let way_of = |place: &usize| way(mix(keys[*place]), depth);
                        for part in places.chunk_by(|a, b| way_of(a) == way_of(b)) {
                            below.extend(branch.children[way_of(&part[0])].map(|child| (child.id, part)));
                        }
                    }
                }
            }
            parts = below;
        }
        Ok(values)
    }

    /// All entries of a set, in no order that means anything.
    pub fn iter(self, root: StateId) -> impl Iterator<Item = Result<Entry, StorageError>> + use<'a> {
        let roots = if root == StateId::EMPTY { Vec::new() } else { vec![root] };
        Entries { trees: self, unread: vec![roots], nodes: Vec::new(), leaf: None }
    }

    /// How many entries a set has, read off its root.
    pub fn len(&self, root: StateId) -> Result<u64, StorageError> {
        if root == StateId::EMPTY { Ok(0) } else { Ok(self.nodes.get(root)?.len()) }
    }
}

fn value_of(entries: &[Entry], key: StateKeyNid) -> Option<EventNid> {
    entries.iter().find(|entry| entry.0 == key).map(|entry| entry.1)
}

/// A walk over a set.
struct Entries<'a> {
    trees: Trees<'a>,
    /// The children of branches, not read yet: those of one branch are read at once.
    unread: Vec<Vec<StateId>>,
    /// Nodes that were read, not looked at yet.
    nodes: Vec<Arc<Node>>,
    /// The leaf in hand, and how many of its entries were given out.
    leaf: Option<(Arc<Node>, usize)>,
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((node, given)) = &mut self.leaf
                && let Node::Leaf(entries) = &**node
                && let Some(entry) = entries.get(*given)
            {
                *given += 1;
                return Some(Ok(*entry));
            }
            self.leaf = None;
            if let Some(node) = self.nodes.pop() {
                match &*node {
                    Node::Leaf(_) => self.leaf = Some((node, 0)),
                    Node::Branch(branch) => {
                        self.unread.push(branch.ways().map(|(_, child)| child.id).collect());
                    }
                }
                continue;
            }
            match self.trees.nodes.get_many(&self.unread.pop()?) {
                Ok(nodes) => self.nodes = nodes,
                Err(error) => {
                    self.unread.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}
