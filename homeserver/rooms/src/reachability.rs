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

use std::sync::Arc;

use hearth_storage::{
    EventNid, StorageError, Store, Transaction,
    schema::{self, rooms::ChainRow},
};
use smallvec::SmallVec;

use self::rows::{Link, NewEvent, Pinned, Place, Rows, StateEvent};

/// The index of the auth graphs of all rooms.
pub struct Reachability {
    rows: Arc<Rows>,
}

/// An event's place in the index. It can be read at once, for as long as this value lives; once written, until
/// it is durable. Dropped unwritten it leaves nothing behind, so whatever was added on top of it must be
/// dropped as well.
pub struct Added {
    /// `None` for an event that was in the index before.
    pinned: Option<Arc<Pinned>>,
}

impl Reachability {
    /// Opens the index of a store, with a cache of so many bytes.
    pub fn new(store: Store, cache_bytes: u64) -> Self {
        Self { rows: Arc::new(Rows::new(store, cache_bytes)) }
    }

    /// Adds a state event; nothing is written, see [`write`](Self::write). All its auth events must be in the
    /// index, or it fails with [`StorageError::Corrupt`]. The auth event that it replaces comes first, if
    /// there is one: the event then follows it in its chain, so that a chain follows one piece of state.
    /// One call at a time for each room.
    pub fn add(&self, event: EventNid, auth_events: &[EventNid]) -> Result<Added, StorageError> {
        if self.rows.find(event)?.is_some() {
            return Ok(Added { pinned: None });
        }
        let mut nids: SmallVec<[EventNid; 8]> = SmallVec::new();
        for nid in auth_events {
            if !nids.contains(nid) {
                nids.push(*nid);
            }
        }
        let auth = self.rows.get_many(&nids)?;
        let sequence = auth.iter().map(|auth| auth.place.sequence).max().unwrap_or(0) + 1;
        let mut last = None;
        for auth in &auth {
            if !self.rows.is_followed(auth)? {
                last = Some(auth);
                break;
            }
        }
        // A chain has the number of its first event, which begins no other.
        let chain = last.map_or(event.0, |last| last.place.chain);
        let place = Place { chain, sequence };
        let mut links: Vec<Link> = nids
            .iter()
            .zip(&auth)
            .filter(|(nid, one)| {
                one.place.chain != chain && !auth.iter().any(|other| other.leads_to(**nid, one.place))
            })
            .map(|(_, one)| Link { from: place, to: one.place })
            .collect();
        if last.is_some() {
            self.rows.retain_unlinked(&mut links)?;
        }
        if let Some(last) = last {
            last.note_followed();
        }
        let added = StateEvent::new(place, nids.into_vec());
        let pinned = Rows::pin(&self.rows, NewEvent { nid: event, event: Arc::new(added), links });
        Ok(Added { pinned: Some(pinned) })
    }

    /// Puts an added event into a transaction, and keeps it readable until that is durable.
    pub fn write(&self, tx: &mut Transaction<'_>, added: &Added) {
        let Some(pinned) = added.pinned.clone() else { return };
        let NewEvent { nid, event, links } = &pinned.new;
        let Place { chain, sequence } = event.place;
        let row = ChainRow { chain, sequence, auth_events: event.auth_events.to_vec() };
        tx.put(&schema::CHAINS, (*nid,), &row);
        tx.put(&schema::CHAIN_EVENTS, (chain, sequence), nid);
        for Link { from, to } in links {
            tx.put(&schema::CHAIN_LINKS, (from.chain, from.sequence, to.chain), &to.sequence);
            tx.put(&schema::CHAIN_BACKLINKS, (to.chain, to.sequence, from.chain), &from.sequence);
        }
        tx.on_durable(move || pinned.settle());
    }

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
