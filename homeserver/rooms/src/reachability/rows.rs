//! The rows of the index: cached, not durable yet, or in the store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use hearth_storage::{EventNid, Scan, StorageError, Store, schema, schema::rooms::ChainRow};
use parking_lot::RwLock;
use quick_cache::{Weighter, sync::Cache};

/// Where an event stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    pub chain: u64,
    pub sequence: u64,
}

/// `from` reaches `to`, and what stands before `to` in its chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub from: Place,
    pub to: Place,
}

/// An event of the index.
#[derive(Debug)]
pub(super) struct StateEvent {
    pub place: Place,
    pub auth_events: Box<[EventNid]>,
    /// Known to have another after it in its chain. If not set, that must be looked up.
    followed: AtomicBool,
}

/// An event to be written.
#[derive(Debug)]
pub(super) struct NewEvent {
    pub nid: EventNid,
    pub event: Arc<StateEvent>,
    pub links: Vec<Link>,
}

/// A new event, which can be read for as long as this lives.
pub(super) struct Pinned {
    pub new: NewEvent,
    durable: AtomicBool,
    home: Arc<Rows>,
}

/// Links and places by the keys of their keyspaces.
#[derive(Debug, Default)]
struct Pending {
    events: HashMap<EventNid, Arc<StateEvent>>,
    places: BTreeMap<(u64, u64), EventNid>,
    links: BTreeMap<(u64, u64, u64), u64>,
    backlinks: BTreeMap<(u64, u64, u64), u64>,
}

pub(super) struct Rows {
    store: Store,
    cache: Cache<EventNid, Arc<StateEvent>, ByBytes>,
    /// What the store may not have yet. It is looked at before the store is: a row stops being pending only
    /// when it can be read there.
    pending: RwLock<Pending>,
    /// Rows read from the store.
    #[cfg(test)]
    pub reads: std::sync::atomic::AtomicU64,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<EventNid, Arc<StateEvent>> for ByBytes {
    fn weight(&self, _: &EventNid, event: &Arc<StateEvent>) -> u64 {
        (size_of::<StateEvent>() + size_of_val::<[EventNid]>(&event.auth_events) + 64) as u64
    }
}

impl StateEvent {
    pub fn new(place: Place, auth_events: Vec<EventNid>) -> Self {
        Self { place, auth_events: auth_events.into(), followed: AtomicBool::new(false) }
    }

    pub fn note_followed(&self) {
        self.followed.store(true, Relaxed);
    }

    /// Whether this event plainly reaches the other: it names it, or stands after it in the same chain.
    pub fn leads_to(&self, nid: EventNid, place: Place) -> bool {
        self.auth_events.contains(&nid)
            || (self.place.chain == place.chain && self.place.sequence > place.sequence)
    }
}

impl Rows {
    pub fn new(store: Store, cache_bytes: u64) -> Self {
        // An estimate only: it sizes the first table.
        let expected = (cache_bytes / 256) as usize;
        Self {
            store,
            cache: Cache::with_weighter(expected, cache_bytes, ByBytes),
            pending: RwLock::default(),
            #[cfg(test)]
            reads: Default::default(),
        }
    }

    pub fn get(&self, nid: EventNid) -> Result<Arc<StateEvent>, StorageError> {
        self.find(nid)?.ok_or_else(|| missing(nid))
    }

    pub fn find(&self, nid: EventNid) -> Result<Option<Arc<StateEvent>>, StorageError> {
        if let Some(event) = self.at_hand(nid) {
            return Ok(Some(event));
        }
        self.note_reads(1);
        let row = self.store.view().get(&schema::CHAINS, (nid,))?;
        Ok(row.map(|row| self.take(nid, row)))
    }

    /// The events of these numbers, in their order, with one read for all that are not at hand.
    pub fn get_many(&self, nids: &[EventNid]) -> Result<Vec<Arc<StateEvent>>, StorageError> {
        let events = self.find_many(nids)?.into_iter().zip(nids);
        events.map(|(event, nid)| event.ok_or_else(|| missing(*nid))).collect()
    }

    /// The same of those that may not be in the index.
    pub fn find_many(&self, nids: &[EventNid]) -> Result<Vec<Option<Arc<StateEvent>>>, StorageError> {
        let mut events: Vec<Option<Arc<StateEvent>>> = nids.iter().map(|nid| self.at_hand(*nid)).collect();
        let absent: Vec<usize> = (0..nids.len()).filter(|place| events[*place].is_none()).collect();
        if !absent.is_empty() {
            self.note_reads(absent.len());
            let keys = absent.iter().map(|place| (nids[*place],));
            let rows = self.store.view().multi_get(&schema::CHAINS, keys)?;
            for (place, row) in absent.into_iter().zip(rows) {
                events[place] = row.map(|row| self.take(nids[place], row));
            }
        }
        Ok(events)
    }

    fn at_hand(&self, nid: EventNid) -> Option<Arc<StateEvent>> {
        self.cache.get(&nid).or_else(|| self.pending.read().events.get(&nid).cloned())
    }

    fn take(&self, nid: EventNid, row: ChainRow) -> Arc<StateEvent> {
        let place = Place { chain: row.chain, sequence: row.sequence };
        let event = Arc::new(StateEvent::new(place, row.auth_events));
        self.cache.insert(nid, event.clone());
        event
    }

    /// Whether another event stands after this one in its chain.
    pub fn is_followed(&self, event: &StateEvent) -> Result<bool, StorageError> {
        if event.followed.load(Relaxed) {
            return Ok(true);
        }
        let followed = !self.places(event.place.chain, event.place.sequence + 1..u64::MAX, 1)?.is_empty();
        if followed {
            event.note_followed();
        }
        Ok(followed)
    }

    /// Keeps those of these links from a new place in a chain that no earlier place of the chain has.
    pub fn retain_unlinked(&self, links: &mut Vec<Link>) -> Result<(), StorageError> {
        let backwards = |link: &Link| (link.to.chain, link.to.sequence, link.from.chain);
        {
            let pending = self.pending.read();
            links.retain(|link| !pending.backlinks.contains_key(&backwards(link)));
        }
        if links.is_empty() {
            return Ok(());
        }
        self.note_reads(links.len());
        let stored = self.store.view().multi_get(&schema::CHAIN_BACKLINKS, links.iter().map(backwards))?;
        let mut stored = stored.into_iter();
        links.retain(|_| stored.next().flatten().is_none());
        Ok(())
    }

    /// The events of a chain in these sequences, the newest first, and no more than `limit`.
    pub fn places(
        &self,
        chain: u64,
        sequences: std::ops::Range<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, EventNid)>, StorageError> {
        if sequences.is_empty() {
            return Ok(Vec::new());
        }
        let (from, until) = ((chain, sequences.start), (chain, sequences.end));
        let pending: Vec<_> =
            self.pending.read().places.range(from..until).rev().take(limit).map(|(k, v)| (*k, *v)).collect();
        let range = Scan::all().from(from).until(until).reversed();
        let view = self.store.view();
        let stored = view.scan(&schema::CHAIN_EVENTS, range).take(limit);
        let rows = self.merge(pending, stored, limit)?;
        Ok(rows.into_iter().map(|((_, sequence), nid)| (sequence, nid)).collect())
    }

    /// The links out of a chain from these sequences.
    pub fn links(
        &self,
        chain: u64,
        sequences: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<Link>, StorageError> {
        let (from, until) = ((chain, *sequences.start(), 0), (chain, *sequences.end(), u64::MAX));
        let pending: Vec<_> = self.pending.read().links.range(from..until).map(|(k, v)| (*k, *v)).collect();
        let view = self.store.view();
        let stored = view.scan(&schema::CHAIN_LINKS, Scan::all().from(from).until(until));
        let rows = self.merge(pending, stored, usize::MAX)?;
        let link = |((from, at, to), reached)| Link {
            from: Place { chain: from, sequence: at },
            to: Place { chain: to, sequence: reached },
        };
        Ok(rows.into_iter().map(link).collect())
    }

    /// The links into a chain whose keys (sequence reached, from chain) are in this range, the newest first,
    /// and no more than `limit`.
    pub fn backlinks(
        &self,
        chain: u64,
        keys: std::ops::Range<(u64, u64)>,
        limit: usize,
    ) -> Result<Vec<Link>, StorageError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (from, until) = ((chain, keys.start.0, keys.start.1), (chain, keys.end.0, keys.end.1));
        let pending: Vec<_> = self
            .pending
            .read()
            .backlinks
            .range(from..until)
            .rev()
            .take(limit)
            .map(|(k, v)| (*k, *v))
            .collect();
        let range = Scan::all().from(from).until(until).reversed();
        let view = self.store.view();
        let stored = view.scan(&schema::CHAIN_BACKLINKS, range).take(limit);
        let rows = self.merge(pending, stored, limit)?;
        let link = |((to, reached, from), at)| Link {
            from: Place { chain: from, sequence: at },
            to: Place { chain: to, sequence: reached },
        };
        Ok(rows.into_iter().map(link).collect())
    }

    /// Pending rows and stored ones, each once, the greatest keys first.
    fn merge<K: Ord, V>(
        &self,
        pending: Vec<(K, V)>,
        stored: impl Iterator<Item = Result<(K, V), StorageError>>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, StorageError> {
        let mut rows = stored.collect::<Result<Vec<_>, _>>()?;
        self.note_reads(rows.len().max(1));
        rows.extend(pending);
        rows.sort_by(|a, b| b.0.cmp(&a.0));
        rows.dedup_by(|a, b| a.0 == b.0);
        rows.truncate(limit);
        Ok(rows)
    }

    /// Makes a new event readable.
    pub fn pin(home: &Arc<Self>, new: NewEvent) -> Arc<Pinned> {
        let place = new.event.place;
        {
            let mut pending = home.pending.write();
            pending.events.insert(new.nid, new.event.clone());
            pending.places.insert((place.chain, place.sequence), new.nid);
            for Link { from, to } in &new.links {
                pending.links.insert((from.chain, from.sequence, to.chain), to.sequence);
                pending.backlinks.insert((to.chain, to.sequence, from.chain), from.sequence);
            }
        }
        home.cache.insert(new.nid, new.event.clone());
        Arc::new(Pinned { new, durable: AtomicBool::new(false), home: home.clone() })
    }

    fn note_reads(&self, _count: usize) {
        #[cfg(test)]
        self.reads.fetch_add(_count as u64, Relaxed);
    }

    #[cfg(test)]
    pub fn pending(&self) -> usize {
        let pending = self.pending.read();
        pending.events.len() + pending.places.len() + pending.links.len() + pending.backlinks.len()
    }
}

impl Pinned {
    /// The store has it.
    pub fn settle(&self) {
        self.durable.store(true, Relaxed);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let NewEvent { nid, event, links } = &self.new;
        let mut pending = self.home.pending.write();
        pending.events.remove(nid);
        pending.places.remove(&(event.place.chain, event.place.sequence));
        for Link { from, to } in links {
            pending.links.remove(&(from.chain, from.sequence, to.chain));
            pending.backlinks.remove(&(to.chain, to.sequence, from.chain));
        }
        drop(pending);
        if !*self.durable.get_mut() {
            self.home.cache.remove(nid);
        }
    }
}

fn missing(nid: EventNid) -> StorageError {
    StorageError::Corrupt(format!("event {nid} is not in the index of the auth graph"))
}
