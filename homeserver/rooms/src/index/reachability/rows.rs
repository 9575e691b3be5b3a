//! The rows of the index, through a cache.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use hearth_storage::{EventNid, Scan, StorageError, View, schema, schema::rooms::ChainRow};
use quick_cache::{Weighter, sync::Cache};

/// Where an event stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct ChainPlace {
    pub chain: u64,
    pub sequence: u64,
}

/// `from` reaches `to`, and what stands before `to` in its chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub from: ChainPlace,
    pub to: ChainPlace,
}

/// An event of the index.
#[derive(Debug)]
pub(super) struct StateEvent {
    pub place: ChainPlace,
    pub auth_events: Box<[EventNid]>,
    /// Known to have another after it in its chain. If not set, that must be looked up.
    followed: AtomicBool,
}

pub(super) struct RowCache {
    events: Cache<EventNid, Arc<StateEvent>, ByBytes>,
    /// Rows that the cache did not have.
    #[cfg(test)]
    pub reads: std::sync::atomic::AtomicU64,
}

/// The rows as a view shows them.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    view: &'a View,
    cache: &'a RowCache,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<EventNid, Arc<StateEvent>> for ByBytes {
    fn weight(&self, _: &EventNid, event: &Arc<StateEvent>) -> u64 {
        (size_of::<StateEvent>() + size_of_val::<[EventNid]>(&event.auth_events) + 64) as u64
    }
}

impl StateEvent {
    pub fn new(place: ChainPlace, auth_events: Vec<EventNid>) -> Self {
        Self { place, auth_events: auth_events.into(), followed: AtomicBool::new(false) }
    }

    pub fn note_followed(&self) {
        self.followed.store(true, Relaxed);
    }

    /// Whether this event plainly reaches the other: it names it, or stands after it in the same chain.
    pub fn leads_to(&self, nid: EventNid, place: ChainPlace) -> bool {
        self.auth_events.contains(&nid)
            || (self.place.chain == place.chain && self.place.sequence > place.sequence)
    }
}

impl RowCache {
    pub fn new(cache_bytes: u64) -> Self {
        // An estimate only: it sizes the first table.
        let expected = (cache_bytes / 256) as usize;
        Self {
            events: Cache::with_weighter(expected, cache_bytes, ByBytes),
            #[cfg(test)]
            reads: Default::default(),
        }
    }

    pub fn read<'a>(&'a self, view: &'a View) -> Rows<'a> {
        Rows { view, cache: self }
    }
}

impl Rows<'_> {
    pub fn get(&self, nid: EventNid) -> Result<Arc<StateEvent>, StorageError> {
        self.find(nid)?.ok_or_else(|| missing(nid))
    }

    pub fn find(&self, nid: EventNid) -> Result<Option<Arc<StateEvent>>, StorageError> {
        if let Some(event) = self.cache.events.get(&nid) {
            return Ok(Some(event));
        }
        self.note_reads(1);
        let row = self.view.get(&schema::CHAINS, (nid,))?;
        Ok(row.map(|row| self.take(nid, row)))
    }

    /// The events of these numbers, in their order, with one read for all that are not at hand.
    pub fn get_many(&self, nids: &[EventNid]) -> Result<Vec<Arc<StateEvent>>, StorageError> {
        let events = self.find_many(nids)?.into_iter().zip(nids);
        events.map(|(event, nid)| event.ok_or_else(|| missing(*nid))).collect()
    }

    /// The same of those that may not be in the index.
    pub fn find_many(&self, nids: &[EventNid]) -> Result<Vec<Option<Arc<StateEvent>>>, StorageError> {
        let mut events: Vec<Option<Arc<StateEvent>>> =
            nids.iter().map(|nid| self.cache.events.get(nid)).collect();
        let absent: Vec<usize> = (0..nids.len()).filter(|place| events[*place].is_none()).collect();
        if !absent.is_empty() {
            self.note_reads(absent.len());
            let keys = absent.iter().map(|place| (nids[*place],));
            let rows = self.view.multi_get(&schema::CHAINS, keys)?;
            for (place, row) in absent.into_iter().zip(rows) {
                events[place] = row.map(|row| self.take(nids[place], row));
            }
        }
        Ok(events)
    }

    fn take(&self, nid: EventNid, row: ChainRow) -> Arc<StateEvent> {
        let place = ChainPlace { chain: row.chain, sequence: row.sequence };
        let event = Arc::new(StateEvent::new(place, row.auth_events));
        // What was submitted never changes; what a transaction has written itself may yet be dropped.
        if !self.view.wrote(&schema::CHAINS, (nid,)) {
            self.cache.events.insert(nid, event.clone());
        }
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
        if links.is_empty() {
            return Ok(());
        }
        self.note_reads(links.len());
        let keys = links.iter().map(|link| (link.to.chain, link.to.sequence, link.from.chain));
        let mut there = self.view.multi_get(&schema::CHAIN_BACKLINKS, keys)?.into_iter();
        links.retain(|_| there.next().flatten().is_none());
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
        let range = Scan::all().from(from).until(until).reversed();
        let rows = self.take_rows(self.view.scan(&schema::CHAIN_EVENTS, range).take(limit))?;
        Ok(rows.into_iter().map(|((_, sequence), nid)| (sequence, nid)).collect())
    }

    /// The links out of a chain from these sequences.
    pub fn links(
        &self,
        chain: u64,
        sequences: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<Link>, StorageError> {
        let (from, until) = ((chain, *sequences.start(), 0), (chain, *sequences.end(), u64::MAX));
        let rows = self.view.scan(&schema::CHAIN_LINKS, Scan::all().from(from).until(until));
        let link = |((from, at, to), reached)| Link {
            from: ChainPlace { chain: from, sequence: at },
            to: ChainPlace { chain: to, sequence: reached },
        };
        Ok(self.take_rows(rows)?.into_iter().map(link).collect())
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
        let range = Scan::all().from(from).until(until).reversed();
        let rows = self.take_rows(self.view.scan(&schema::CHAIN_BACKLINKS, range).take(limit))?;
        let link = |((to, reached, from), at)| Link {
            from: ChainPlace { chain: from, sequence: at },
            to: ChainPlace { chain: to, sequence: reached },
        };
        Ok(rows.into_iter().map(link).collect())
    }

    fn take_rows<T>(
        &self,
        rows: impl Iterator<Item = Result<T, StorageError>>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        self.note_reads(rows.len().max(1));
        Ok(rows)
    }

    fn note_reads(&self, _count: usize) {
        #[cfg(test)]
        self.cache.reads.fetch_add(_count as u64, Relaxed);
    }
}

fn missing(nid: EventNid) -> StorageError {
    StorageError::Corrupt(format!("event {nid} is not in the index of the auth graph"))
}
