//! Making new trees out of old ones.

use std::sync::Arc;

use hearth_storage::{EventNid, StateId, StateKeyNid, StorageError};

use super::{
    Difference,
    node::{Branch, Child, Entry, LEAF, Node, WAYS, id_of, mix, way},
    nodes::{NewNode, Nodes},
};

/// A change of one key, with the key's hash; edits go in the order of the hashes.
pub(super) type Edit = (u64, StateKeyNid, Option<EventNid>);

/// New nodes on top of those there are.
pub(super) struct Growth<'a> {
    nodes: Nodes<'a>,
    new: Vec<NewNode>,
    changes: Vec<Difference>,
}

/// A subtree whose last node is not made yet, as its parent may have to take it in.
pub(super) enum Draft {
    /// As it was.
    Kept(Child),
    /// Up to [`LEAF`] entries, perhaps none.
    Few(Vec<Entry>),
    Many(Box<Branch>),
}

impl Draft {
    fn len(&self) -> u64 {
        match self {
            Self::Kept(child) => child.len,
            Self::Few(entries) => entries.len() as u64,
            Self::Many(branch) => branch.len(),
        }
    }
}

impl<'a> Growth<'a> {
    pub fn new(nodes: Nodes<'a>) -> Self {
        Self { nodes, new: Vec::new(), changes: Vec::new() }
    }

    /// The new nodes, and what the edits changed.
    pub fn into_parts(self) -> (Vec<NewNode>, Vec<Difference>) {
        (self.new, self.changes)
    }

    pub fn edit_root(&mut self, root: StateId, edits: &[Edit]) -> Result<Draft, StorageError> {
        if root == StateId::EMPTY {
            let added = self.added(edits);
            return Ok(self.plant(added, 0));
        }
        if edits.is_empty() {
            // Its count is not looked at, as it has no parent.
            return Ok(Draft::Kept(Child { id: root, len: 0 }));
        }
        let node = self.nodes.get(root)?;
        self.edit(Child { id: root, len: node.len() }, &node, edits, 0)
    }

    fn edit(&mut self, child: Child, node: &Node, edits: &[Edit], depth: u32) -> Result<Draft, StorageError> {
        match node {
            Node::Leaf(entries) => {
                let merged = self.merge(entries, edits);
                Ok(if merged[..] == entries[..] { Draft::Kept(child) } else { self.plant(merged, depth) })
            }
            Node::Branch(branch) => self.edit_branch(child, branch, edits, depth),
        }
    }

    fn edit_branch(
        &mut self,
        child: Child,
        branch: &Branch,
        edits: &[Edit],
        depth: u32,
    ) -> Result<Draft, StorageError> {
        let mut drafts: [Option<Draft>; WAYS] = branch.children.map(|child| child.map(Draft::Kept));
        let mut changed = false;
        for edits in edits.chunk_by(|a, b| way(a.0, depth) == way(b.0, depth)) {
            let way = way(edits[0].0, depth);
            let draft = match branch.children[way] {
                Some(below) => {
                    let node = self.nodes.get(below.id)?;
                    self.edit(below, &node, edits, depth + 1)?
                }
                None => {
                    let added = self.added(edits);
                    self.plant(added, depth + 1)
                }
            };
            changed |= match &draft {
                Draft::Kept(_) => false,
                Draft::Few(entries) => !entries.is_empty() || branch.children[way].is_some(),
                Draft::Many(_) => true,
            };
            drafts[way] = Some(draft);
        }
        if !changed {
            return Ok(Draft::Kept(child));
        }
        if drafts.iter().flatten().map(Draft::len).sum::<u64>() <= LEAF {
            return self.gather(drafts);
        }
        let children = drafts.map(|draft| draft.and_then(|draft| self.finish(draft)));
        Ok(Draft::Many(Box::new(Branch { children })))
    }

    /// One leaf of what is left in a branch.
    fn gather(&self, drafts: [Option<Draft>; WAYS]) -> Result<Draft, StorageError> {
        let mut entries = Vec::with_capacity(LEAF as usize);
        for draft in drafts.into_iter().flatten() {
            match draft {
                Draft::Few(few) => entries.extend(few),
                Draft::Kept(child) => match &*self.nodes.get(child.id)? {
                    Node::Leaf(few) => entries.extend(few),
                    Node::Branch(_) => return Err(too_small()),
                },
                Draft::Many(_) => return Err(too_small()),
            }
        }
        Ok(Draft::Few(entries))
    }

    /// A subtree of these entries, in the order of their hashes.
    fn plant(&mut self, entries: Vec<Entry>, depth: u32) -> Draft {
        if entries.len() as u64 <= LEAF {
            return Draft::Few(entries);
        }
        let mut branch = Box::new(Branch { children: [None; WAYS] });
        for part in entries.chunk_by(|a, b| way(mix(a.0), depth) == way(mix(b.0), depth)) {
            let draft = self.plant(part.to_vec(), depth + 1);
            branch.children[way(mix(part[0].0), depth)] = self.finish(draft);
        }
        Draft::Many(branch)
    }

    /// Makes the last node of a subtree; `None` for an empty one.
    pub fn finish(&mut self, draft: Draft) -> Option<Child> {
        let node = match draft {
            Draft::Kept(child) => return Some(child),
            Draft::Few(entries) if entries.is_empty() => return None,
            Draft::Few(entries) => Node::Leaf(entries.into()),
            Draft::Many(branch) => Node::Branch(branch),
        };
        let encoded = node.encode();
        let child = Child { id: id_of(&encoded), len: node.len() };
        self.new.push(NewNode { id: child.id, node: Arc::new(node), encoded });
        Some(child)
    }

    fn added(&mut self, edits: &[Edit]) -> Vec<Entry> {
        self.merge(&[], edits)
    }

    /// A leaf's entries after the edits; both go in the order of the hashes.
    fn merge(&mut self, entries: &[Entry], edits: &[Edit]) -> Vec<Entry> {
        let mut merged = Vec::with_capacity(entries.len() + edits.len());
        let mut entries = entries.iter().copied().peekable();
        for &(hash, key, value) in edits {
            while let Some(before) = entries.next_if(|entry| mix(entry.0) < hash) {
                merged.push(before);
            }
            let before = entries.next_if(|entry| entry.0 == key).map(|(_, event)| event);
            if before != value {
                self.changes.push((key, before, value));
            }
            merged.extend(value.map(|event| (key, event)));
        }
        merged.extend(entries);
        merged
    }
}

fn too_small() -> StorageError {
    StorageError::Corrupt("a branch of a state tree has too few entries".into())
}
