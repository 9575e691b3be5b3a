//! Nodes, their shape and their bytes.

use hearth_storage::{EventNid, StateId, StateKeyNid, StorageError};
use sha2::{Digest, Sha256};

/// The most entries of a leaf, which is then about as large as a branch.
pub(super) const LEAF: u64 = 48;
/// Bits of the hash that a branch goes by. Measured with five and six as well: a change of a set of 100,000 then
/// takes as long, and writes twice as many bytes.
const BITS: u32 = 4;
/// Ways out of a branch.
pub(super) const WAYS: usize = 1 << BITS;

const LEAF_TAG: u8 = 0;
const BRANCH_TAG: u8 = 1;

pub(super) type Entry = (StateKeyNid, EventNid);

/// A part of a set of state.
#[derive(Debug)]
pub(super) enum Node {
    /// In the order of the keys' hashes.
    Leaf(Box<[Entry]>),
    Branch(Box<Branch>),
}

#[derive(Debug)]
pub(super) struct Branch {
    pub children: [Option<Child>; WAYS],
}

/// A subtree as its parent knows it. None is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Child {
    pub id: StateId,
    /// Entries in it.
    pub len: u64,
}

/// Spreads the numbers of keys, which are given out in order, over all bits. A bijection: no two keys share a
/// hash.
pub(super) fn mix(key: StateKeyNid) -> u64 {
    let mut hash = key.0;
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The way that a hash takes out of a branch at this depth. As no two hashes are equal, no tree is deeper
/// than a hash has bits to tell its keys apart, unless it is damaged.
pub(super) fn way(hash: u64, depth: u32) -> usize {
    (hash.checked_shl(BITS * depth).unwrap_or(0) >> (u64::BITS - BITS)) as usize
}

impl Node {
    pub fn len(&self) -> u64 {
        match self {
            Self::Leaf(entries) => entries.len() as u64,
            Self::Branch(branch) => branch.len(),
        }
    }

    /// Bytes in memory, about.
    pub fn weight(&self) -> u64 {
        let inside = match self {
            Self::Leaf(entries) => size_of_val::<[Entry]>(entries),
            Self::Branch(_) => size_of::<Branch>(),
        };
        (inside + size_of::<Self>() + 64) as u64
    }

    /// The node's bytes: a tag; then for a leaf its pairs of numbers, for a branch a map of its ways and the
    /// id and count of each child.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        match self {
            Self::Leaf(entries) => {
                out.push(LEAF_TAG);
                for (key, event) in entries {
                    write_number(key.0, &mut out);
                    write_number(event.0, &mut out);
                }
            }
            Self::Branch(branch) => {
                out.push(BRANCH_TAG);
                let map = branch.ways().fold(0_u64, |map, (way, _)| map | 1 << way);
                out.extend(&map.to_be_bytes()[size_of::<u64>() - WAYS / 8..]);
                for (_, child) in branch.ways() {
                    out.extend(child.id.0);
                    write_number(child.len, &mut out);
                }
            }
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        Self::try_decode(bytes)
            .ok_or_else(|| StorageError::Corrupt("a node of a state tree cannot be read".into()))
    }

    fn try_decode(bytes: &[u8]) -> Option<Self> {
        let (&tag, mut rest) = bytes.split_first()?;
        match tag {
            LEAF_TAG => {
                let mut entries = Vec::with_capacity(LEAF as usize);
                while !rest.is_empty() {
                    let key = StateKeyNid(read_number(&mut rest)?);
                    entries.push((key, EventNid(read_number(&mut rest)?)));
                }
                let in_order = entries.is_sorted_by(|a: &Entry, b| mix(a.0) < mix(b.0));
                (in_order && (1..=LEAF).contains(&(entries.len() as u64))).then(|| Self::Leaf(entries.into()))
            }
            BRANCH_TAG => {
                let (head, tail) = rest.split_at_checked(WAYS / 8)?;
                let map = head.iter().fold(0_u64, |map, byte| map << 8 | u64::from(*byte));
                rest = tail;
                let mut branch = Branch { children: [None; WAYS] };
                for way in (0..WAYS).filter(|way| map >> way & 1 == 1) {
                    let (id, tail) = rest.split_first_chunk()?;
                    rest = tail;
                    branch.children[way] = Some(Child { id: StateId(*id), len: read_number(&mut rest)? });
                }
                (rest.is_empty() && branch.len() > LEAF).then(|| Self::Branch(Box::new(branch)))
            }
            _ => None,
        }
    }
}

impl Branch {
    pub fn len(&self) -> u64 {
        self.ways().fold(0, |len, (_, child)| child.len.saturating_add(len))
    }

    /// The ways that lead somewhere, in order.
    pub fn ways(&self) -> impl DoubleEndedIterator<Item = (usize, Child)> + '_ {
        self.children.iter().enumerate().filter_map(|(way, child)| child.map(|child| (way, child)))
    }
}

/// The id of the node with these bytes.
pub(super) fn id_of(encoded: &[u8]) -> StateId {
    let mut id = StateId::EMPTY;
    let hash = Sha256::digest(encoded);
    id.0.copy_from_slice(&hash[..16]);
    id
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
