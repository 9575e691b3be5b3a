//! Which nodes are in use, in a bounded amount of memory.

use hearth_storage::StateId;

/// How many bits there are for each node. One in about 400 that is in use no more is then taken for one that is: it
/// stays for the next time.
const BITS_PER_NODE: u64 = 16;
const PROBES: usize = 4;

/// A set of nodes that may seem to have one that it does not have, and never lacks one that it has (a Bloom filter).
pub(super) struct Marks {
    bits: Vec<u64>,
}

impl Marks {
    /// For so many nodes.
    pub fn new(nodes: u64) -> Self {
        let words = (nodes * BITS_PER_NODE).div_ceil(64).max(1);
        Self { bits: vec![0; words as usize] }
    }

    pub fn insert(&mut self, node: StateId) {
        for (word, bit) in self.places(node) {
            self.bits[word] |= bit;
        }
    }

    pub fn may_have(&self, node: StateId) -> bool {
        self.places(node).into_iter().all(|(word, bit)| self.bits[word] & bit != 0)
    }

    /// A node's name is a hash: its parts are as random as any other hash of it.
    fn places(&self, node: StateId) -> [(usize, u64); PROBES] {
        let bits = self.bits.len() as u64 * 64;
        std::array::from_fn(|probe| {
            let part: [u8; 4] = std::array::from_fn(|at| node.0[probe * 4 + at]);
            // Spread over more bits than a part has.
            let hash = u64::from(u32::from_le_bytes(part)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let bit = ((u128::from(hash) * u128::from(bits)) >> 64) as u64;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn node(n: u32) -> StateId {
        let hash: [u8; 32] = Sha256::digest(n.to_le_bytes()).into();
        StateId(std::array::from_fn(|at| hash[at]))
    }

    #[test]
    fn what_is_marked_is_found_and_little_else() {
        let mut marks = Marks::new(10_000);
        (0..10_000).for_each(|n| marks.insert(node(n)));
        assert!((0..10_000).all(|n| marks.may_have(node(n))));
        let mistaken = (10_000..20_000).filter(|n| marks.may_have(node(*n))).count();
        assert!(mistaken < 100, "{mistaken} of 10,000");
    }
}
