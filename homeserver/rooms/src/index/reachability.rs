//! Which state event reaches which in the auth graph, without walking the graph.
//!
//! The index is a chain cover. Each state event stands in one chain at one sequence; an event reaches all that
//! stand before it in its chain, and links lead from an event to a place in another chain. An event's sequence
//! is greater than that of all its auth events, in whatever chain: one more than the greatest of them. So an
//! event can only reach what has a smaller sequence, which bounds every search.
//!
//! Links are kept in both directions. State resolution asks how far two forks differ: it walks down from what
//! is in conflict, and stops where something outside of the conflict looks down on the same events
//! ([`auth_difference`](Reachability::auth_difference)).

mod above;
mod below;
mod difference;
mod rows;
mod subgraph;
#[cfg(test)]
mod tests;

use hearth_storage::{
    EventNid, StorageError, Transaction, View,
    schema::{self, rooms::ChainRow},
};
use smallvec::SmallVec;

use self::rows::{ChainPlace, Link, RowCache, Rows};

/// The index of the auth graphs of all rooms. Rows are read through a cache of a bounded weight.
pub struct Reachability {
    cache: RowCache,
}

/// The index as a view shows it.
#[derive(Clone, Copy)]
pub struct AuthGraph<'a> {
    rows: Rows<'a>,
}

impl Reachability {
    /// An index with a cache of so many bytes.
    pub fn new(cache_bytes: u64) -> Self {
        Self { cache: RowCache::new(cache_bytes) }
    }

    /// The index as a view shows it.
    pub fn read<'a>(&'a self, view: &'a View) -> AuthGraph<'a> {
        AuthGraph { rows: self.cache.read(view) }
    }

    /// Writes a state event into the index, unless it is there. All its auth events must be in the index, or it
    /// fails with [`StorageError::Corrupt`]. The auth event that it replaces comes first, if there is one: the
    /// event then follows it in its chain, so that a chain follows one piece of state. One writer at a time for
    /// each room.
    pub fn add(
        &self,
        tx: &mut Transaction,
        event: EventNid,
        auth_events: &[EventNid],
    ) -> Result<(), StorageError> {
        let rows = self.cache.read(tx);
        if rows.find(event)?.is_some() {
            return Ok(());
        }
        let mut nids: SmallVec<[EventNid; 8]> = SmallVec::new();
        for nid in auth_events {
            if !nids.contains(nid) {
                nids.push(*nid);
            }
        }
        let auth = rows.get_many(&nids)?;
        let sequence = auth.iter().map(|auth| auth.place.sequence).max().unwrap_or(0) + 1;
        let mut last = None;
        for auth in &auth {
            if !rows.is_followed(auth)? {
                last = Some(auth);
                break;
            }
        }
        // A chain has the number of its first event, which begins no other.
        let chain = last.map_or(event.0, |last| last.place.chain);
        let place = ChainPlace { chain, sequence };
        let mut links: Vec<Link> = nids
            .iter()
            .zip(&auth)
            .filter(|(nid, one)| {
                one.place.chain != chain && !auth.iter().any(|other| other.leads_to(**nid, one.place))
            })
            .map(|(_, one)| Link { from: place, to: one.place })
            .collect();
        if last.is_some() {
            rows.retain_unlinked(&mut links)?;
        }
        let row = ChainRow { chain, sequence, auth_events: nids.into_vec() };
        tx.put(&schema::CHAINS, (event,), &row);
        tx.put(&schema::CHAIN_EVENTS, (chain, sequence), &event);
        for Link { from, to } in links {
            tx.put(&schema::CHAIN_LINKS, (from.chain, from.sequence, to.chain), &to.sequence);
            tx.put(&schema::CHAIN_BACKLINKS, (to.chain, to.sequence, from.chain), &from.sequence);
        }
        Ok(())
    }
}

impl AuthGraph<'_> {
    /// Of each event whether it is in the index.
    pub fn contains(&self, events: &[EventNid]) -> Result<Vec<bool>, StorageError> {
        Ok(self.rows.find_many(events)?.into_iter().map(|event| event.is_some()).collect())
    }

    /// The auth events that an event was added with.
    pub fn auth_events(&self, event: EventNid) -> Result<Vec<EventNid>, StorageError> {
        Ok(self.rows.get(event)?.auth_events.to_vec())
    }

    /// Whether `to` is in the auth chain of `from`. No event is in its own.
    pub fn reaches(&self, from: EventNid, to: EventNid) -> Result<bool, StorageError> {
        let (from, to) = (self.rows.get(from)?.place, self.rows.get(to)?.place);
        if from.sequence <= to.sequence {
            return Ok(false);
        }
        let mut met = false;
        self.walk_down(&[from], to.sequence, |place| {
            met |= place.chain == to.chain && place.sequence >= to.sequence;
            met
        })?;
        Ok(met)
    }
}
