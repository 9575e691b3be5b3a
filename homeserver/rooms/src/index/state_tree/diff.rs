//! What differs between two sets.

use std::sync::Arc;

use hearth_storage::{StateId, StorageError};

use super::{
    Difference, Trees,
    node::{Branch, Child, Entry, Node, WAYS, mix, way},
};

/// One of two subtrees that are compared.
enum Side {
    Node(StateId),
    /// Some entries of a leaf that is compared with a branch, in the order of their hashes; perhaps none.
    Entries(Vec<Entry>),
}

/// A side once its node is at hand.
enum Loaded {
    Node(Arc<Node>),
    Entries(Vec<Entry>),
}

impl Trees<'_> {
    /// The keys whose values differ, in the order of the keys. The cost is that of the difference and not that of
    /// the sets.
    pub fn diff(&self, old: StateId, new: StateId) -> Result<Vec<Difference>, StorageError> {
        if old == new {
            return Ok(Vec::new());
        }
        self.lineage.diff(old, new).map_or_else(|| self.walk(old, new), Ok)
    }

    /// The same from the sets alone. Subtrees with equal ids are not looked at.
    pub(super) fn walk(&self, old: StateId, new: StateId) -> Result<Vec<Difference>, StorageError> {
        let mut found = Vec::new();
        let mut pairs = vec![(Side::root(old), Side::root(new))];
        // Level by level, so that what is not at hand is read at once.
        for depth in 0.. {
            if pairs.is_empty() {
                break;
            }
            let mut below = Vec::new();
            for (old, new) in self.load(pairs)? {
                match (old.parts(), new.parts()) {
                    (Ok(old), Ok(new)) => {
                        let pairs = old.children.iter().zip(&new.children).filter(|(old, new)| old != new);
                        below.extend(pairs.map(|(old, new)| (Side::child(old), Side::child(new))));
                    }
                    (Err(old), Err(new)) => compare(old, new, &mut found),
                    (Ok(old), Err(new)) => {
                        below.extend(old.children.iter().map(Side::child).zip(split(new, depth)));
                    }
                    (Err(old), Ok(new)) => {
                        below.extend(split(old, depth).zip(new.children.iter().map(Side::child)));
                    }
                }
            }
            pairs = below;
        }
        found.sort_unstable_by_key(|&(key, ..)| key);
        Ok(found)
    }

    fn load(
        &self,
        pairs: Vec<(Side, Side)>,
    ) -> Result<impl Iterator<Item = (Loaded, Loaded)> + use<>, StorageError> {
        let mut ids = Vec::with_capacity(2 * pairs.len());
        for side in pairs.iter().flat_map(|(old, new)| [old, new]) {
            if let Side::Node(id) = side {
                ids.push(*id);
            }
        }
        let mut nodes = self.nodes.get_many(&ids)?.into_iter();
        let mut load = move |side| match side {
            Side::Entries(entries) => Loaded::Entries(entries),
            // As many nodes were read as there are ids.
            Side::Node(_) => nodes.next().map_or_else(|| Loaded::Entries(Vec::new()), Loaded::Node),
        };
        Ok(pairs.into_iter().map(move |(old, new)| (load(old), load(new))))
    }
}

impl Side {
    fn root(id: StateId) -> Self {
        if id == StateId::EMPTY { Self::Entries(Vec::new()) } else { Self::Node(id) }
    }

    fn child(child: &Option<Child>) -> Self {
        child.map_or_else(|| Self::Entries(Vec::new()), |child| Self::Node(child.id))
    }
}

impl Loaded {
    fn parts(&self) -> Result<&Branch, &[Entry]> {
        match self {
            Self::Entries(entries) => Err(entries),
            Self::Node(node) => match &**node {
                Node::Branch(branch) => Ok(branch),
                Node::Leaf(entries) => Err(entries),
            },
        }
    }
}

/// What of a leaf's entries lies in each way of a branch at this depth.
fn split(entries: &[Entry], depth: u32) -> impl Iterator<Item = Side> {
    let mut parts = [const { Vec::new() }; WAYS];
    for entry in entries {
        parts[way(mix(entry.0), depth)].push(*entry);
    }
    parts.into_iter().map(Side::Entries)
}

/// Compares two leaves.
fn compare(old: &[Entry], new: &[Entry], found: &mut Vec<Difference>) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(&&(was, before)), Some(&&(is, after))) if was == is => {
                if before != after {
                    found.push((was, Some(before), Some(after)));
                }
                old.next();
                new.next();
            }
            (Some(&&(was, before)), other) if other.is_none_or(|(is, _)| mix(was) < mix(*is)) => {
                found.push((was, Some(before), None));
                old.next();
            }
            (_, Some(&&(is, after))) => {
                found.push((is, None, Some(after)));
                new.next();
            }
            // The case above takes all that is only in the old one.
            (Some(_), None) => return,
        }
    }
}
