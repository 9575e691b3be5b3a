//! The conflicted state subgraph of state resolution v2.1.

use std::collections::{HashMap, HashSet};

use hearth_storage::{EventNid, StorageError};

use super::{
    AuthGraph,
    above::Above,
    rows::{ChainPlace, Link},
};

/// So many events that reach a conflicted one are looked at one by one before it counts as one on which much
/// of the room stands, like power levels. For those it is cheaper to walk down from what is in conflict.
const MANY: usize = 64;

impl AuthGraph<'_> {
    /// The conflicted state subgraph: the conflicted events, and all events on a path of auth events from one
    /// of them to another (room version 12, "Conflicted state subgraph"), in no order that means anything.
    ///
    /// The cost is that of the result, of what was built on the conflicted events, and where that is much, of
    /// the changes of power since the oldest of those.
    pub fn conflicted_subgraph(&self, conflicted: &[EventNid]) -> Result<Vec<EventNid>, StorageError> {
        self.subgraph(conflicted, MANY)
    }

    pub(super) fn subgraph(
        &self,
        conflicted: &[EventNid],
        most: usize,
    ) -> Result<Vec<EventNid>, StorageError> {
        let events = self.rows.get_many(conflicted)?;
        // From which sequence on the events of a chain reach a conflicted event.
        let mut reaching: HashMap<u64, u64> = HashMap::new();
        let mut note = |chain, sequence: u64| {
            reaching.entry(chain).and_modify(|least| *least = sequence.min(*least)).or_insert(sequence);
        };
        let mut above = Above::new(self.rows);
        let mut built_upon: Vec<ChainPlace> = Vec::new();
        for event in &events {
            let mut seen = 0;
            let many = above.any(event.place, |_, _| {
                seen += 1;
                Ok(seen > most)
            })?;
            if many {
                built_upon.push(event.place);
            }
        }
        for (chain, searched) in above.into_barren() {
            note(chain, searched.events);
        }
        let places: Vec<ChainPlace> = events.iter().map(|event| event.place).collect();
        for (chain, sequence) in self.reaching_any(&places, &built_upon)? {
            note(chain, sequence);
        }

        let mut subgraph: HashSet<EventNid> = conflicted.iter().copied().collect();
        let mut unread: Vec<EventNid> = subgraph.iter().copied().collect();
        while let Some(nid) = unread.pop() {
            let event = self.rows.get(nid)?;
            for (nid, auth) in event.auth_events.iter().zip(self.rows.get_many(&event.auth_events)?) {
                let ChainPlace { chain, sequence } = auth.place;
                if reaching.get(&chain).is_some_and(|least| sequence >= *least) && subgraph.insert(*nid) {
                    unread.push(*nid);
                }
            }
        }
        Ok(subgraph.into_iter().collect())
    }

    /// Among what `from` reaches: from which sequence on the events of a chain are one of `to` or reach one.
    fn reaching_any(
        &self,
        from: &[ChainPlace],
        to: &[ChainPlace],
    ) -> Result<HashMap<u64, u64>, StorageError> {
        let mut reaching: HashMap<u64, u64> = HashMap::new();
        let Some(floor) = to.iter().map(|place| place.sequence).min() else { return Ok(reaching) };
        let mut links = self.walk_down(from, floor, |_| false)?;
        for place in to {
            let least = reaching.entry(place.chain).or_insert(place.sequence);
            *least = place.sequence.min(*least);
        }
        // What a link leads to has a smaller sequence than where it begins, so all links that matter to it
        // come before it.
        links.sort_unstable_by_key(|link| link.from.sequence);
        for Link { from, to } in links {
            if reaching.get(&to.chain).is_some_and(|least| to.sequence >= *least) {
                let least = reaching.entry(from.chain).or_insert(from.sequence);
                *least = from.sequence.min(*least);
            }
        }
        Ok(reaching)
    }
}
