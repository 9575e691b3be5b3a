//! Walking down: towards what events reach.

use std::collections::HashMap;

use hearth_storage::StorageError;

use super::{
    AuthGraph,
    rows::{ChainPlace, Link},
};

impl AuthGraph<'_> {
    /// Walks to all that these places reach and that has at least the sequence `floor`, chain by chain, and
    /// gives the links it went by. `at` sees each place where a chain is entered (all before it in the chain is
    /// reached as well) and says whether to stop.
    pub(super) fn walk_down(
        &self,
        starts: &[ChainPlace],
        floor: u64,
        mut at: impl FnMut(ChainPlace) -> bool,
    ) -> Result<Vec<Link>, StorageError> {
        let mut found = Vec::new();
        // Up to where each chain was looked through. A link from the floor leads below it.
        let mut covered: HashMap<u64, u64> = HashMap::new();
        let mut entered = starts.to_vec();
        while let Some(place) = entered.pop() {
            if place.sequence < floor {
                continue;
            }
            if at(place) {
                break;
            }
            let covered = covered.entry(place.chain).or_insert(floor);
            if place.sequence <= *covered {
                continue;
            }
            let links = self.rows.links(place.chain, *covered + 1..=place.sequence)?;
            *covered = place.sequence;
            entered.extend(links.iter().map(|link| link.to));
            found.extend(links);
        }
        Ok(found)
    }
}
