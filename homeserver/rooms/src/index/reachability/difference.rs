//! The auth difference of state resolution.

use std::{
    collections::{BinaryHeap, HashMap, hash_map},
    sync::Arc,
};

use hearth_storage::{EventNid, StorageError};
use smallvec::SmallVec;

use super::{
    AuthGraph,
    above::Above,
    rows::{ChainPlace, Rows, StateEvent},
};

/// A set of the numbers of state sets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Numbers(SmallVec<[u64; 2]>);

impl Numbers {
    fn insert(&mut self, number: usize) {
        let word = number / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

impl AuthGraph<'_> {
    /// The auth difference of state sets: the events that are in the full auth chain of some of them and not
    /// of all, in no order that means anything. The full auth chain of a set is the union of the auth chains
    /// of its events, and no event is in its own auth chain (room version 2, "Auth difference").
    ///
    /// `sets` has what is in conflict of each set, and `unconflicted` says of an event whether it is one of
    /// the state events that all sets share. Those are asked for and never listed: whatever one of them
    /// reaches is in the full auth chain of every set.
    ///
    /// The cost is that of the result and of what was built on it.
    pub fn auth_difference(
        &self,
        sets: &[Vec<EventNid>],
        unconflicted: impl Fn(EventNid) -> Result<bool, StorageError>,
    ) -> Result<Vec<EventNid>, StorageError> {
        let mut difference = Vec::new();
        let mut above = Above::new(self.rows);
        // Of each chain, up to where it is in the full auth chain of all sets.
        let mut shared: HashMap<u64, u64> = HashMap::new();
        let mut unread = Unread::default();
        for (number, set) in sets.iter().enumerate() {
            let mut numbers = Numbers::default();
            numbers.insert(number);
            for event in self.rows.get_many(set)? {
                unread.insert(self.rows, &event.auth_events, &numbers)?;
            }
        }
        while let Some((nid, reached)) = unread.pop() {
            let ChainPlace { chain, sequence } = reached.event.place;
            if is_shared(&shared, reached.event.place) {
                continue;
            }
            let by_all = reached.by.count() == sets.len()
                || above.any(reached.event.place, |place, nid| {
                    Ok(is_shared(&shared, place) || unconflicted(nid)?)
                })?;
            if by_all {
                shared.insert(chain, sequence);
            } else {
                difference.push(nid);
                unread.insert(self.rows, &reached.event.auth_events, &reached.by)?;
            }
        }
        Ok(difference)
    }
}

/// Whether a place is known to be in the full auth chain of all sets.
fn is_shared(shared: &HashMap<u64, u64>, place: ChainPlace) -> bool {
    shared.get(&place.chain).is_some_and(|up_to| place.sequence <= *up_to)
}

/// An event that some sets reach.
struct Reached {
    event: Arc<StateEvent>,
    by: Numbers,
}

/// Events still to be looked at, by falling sequence: whatever reaches an event is done before it, so what is
/// known of an event when it is taken out is all there is to know.
#[derive(Default)]
struct Unread {
    queue: BinaryHeap<(u64, EventNid)>,
    reached: HashMap<EventNid, Reached>,
}

impl Unread {
    fn insert(&mut self, rows: Rows<'_>, auth_events: &[EventNid], by: &Numbers) -> Result<(), StorageError> {
        for (nid, event) in auth_events.iter().zip(rows.get_many(auth_events)?) {
            match self.reached.entry(*nid) {
                hash_map::Entry::Occupied(mut known) => known.get_mut().by.extend(by),
                hash_map::Entry::Vacant(new) => {
                    self.queue.push((event.place.sequence, *nid));
                    new.insert(Reached { event, by: by.clone() });
                }
            }
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<(EventNid, Reached)> {
        let (_, nid) = self.queue.pop()?;
        self.reached.remove_entry(&nid)
    }
}
