//! Pairs of event type and state key, interned.

use std::sync::Arc;

use hearth_storage::{
    Scan, StateKeyNid, StorageError, Store, Transaction,
    schema::{self, rooms::StateKeyRow},
};
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::overlay::Overlay;

type Pair = (String, String);

/// Numbers for pairs of event type and state key, the same in all rooms.
pub(crate) struct StateKeys {
    store: Store,
    numbers: Cache<Pair, StateKeyNid>,
    names: Cache<StateKeyNid, Arc<StateKeyRow>>,
    pending: Overlay<Pair, StateKeyNid>,
    pending_names: Overlay<StateKeyNid, Arc<StateKeyRow>>,
    next: Mutex<u64>,
}

/// A lookup without making an owned pair.
#[derive(Hash)]
struct PairRef<'a>(&'a str, &'a str);

impl quick_cache::Equivalent<Pair> for PairRef<'_> {
    fn equivalent(&self, pair: &Pair) -> bool {
        self.0 == pair.0 && self.1 == pair.1
    }
}

impl StateKeys {
    pub fn open(store: Store, cache_bytes: u64) -> Result<Self, StorageError> {
        let last = store.view().scan(&schema::STATE_KEY_NAMES, Scan::all().reversed()).next().transpose()?;
        let capacity = (cache_bytes / 2 / 192).max(256) as usize;
        Ok(Self {
            store,
            numbers: Cache::new(capacity),
            names: Cache::new(capacity),
            pending: Overlay::default(),
            pending_names: Overlay::default(),
            next: Mutex::new(last.map_or(1, |((nid,), _)| nid.0 + 1)),
        })
    }

    /// The number of a pair, if any room ever had it.
    pub fn find(&self, event_type: &str, state_key: &str) -> Result<Option<StateKeyNid>, StorageError> {
        if let Some(nid) = self.numbers.get(&PairRef(event_type, state_key)) {
            return Ok(Some(nid));
        }
        let pair = (event_type.to_owned(), state_key.to_owned());
        if let Some(nid) = self.pending.get(&pair) {
            return Ok(Some(nid));
        }
        let nid = self.store.view().get(&schema::STATE_KEYS, (event_type, state_key))?;
        if let Some(nid) = nid {
            self.numbers.insert(pair, nid);
        }
        Ok(nid)
    }

    /// The number of a pair, new if need be; [`write`](Self::write) must follow in the transaction that
    /// uses it.
    pub fn intern(&self, event_type: &str, state_key: &str) -> Result<StateKeyNid, StorageError> {
        if let Some(nid) = self.find(event_type, state_key)? {
            return Ok(nid);
        }
        let mut next = self.next.lock();
        // Another room may have made it in between.
        if let Some(nid) = self.find(event_type, state_key)? {
            return Ok(nid);
        }
        let nid = StateKeyNid(*next);
        *next += 1;
        let row = StateKeyRow { event_type: event_type.to_owned(), state_key: state_key.to_owned() };
        self.pending_names.insert(nid, Arc::new(row));
        self.pending.insert((event_type.to_owned(), state_key.to_owned()), nid);
        Ok(nid)
    }

    /// The pair behind a number.
    pub fn name(&self, nid: StateKeyNid) -> Result<Arc<StateKeyRow>, StorageError> {
        if let Some(name) = self.names.get(&nid).or_else(|| self.pending_names.get(&nid)) {
            return Ok(name);
        }
        let row = self.store.view().get(&schema::STATE_KEY_NAMES, (nid,))?;
        let row = Arc::new(row.ok_or_else(|| StorageError::Corrupt(format!("state key {nid} has no name")))?);
        self.names.insert(nid, row.clone());
        Ok(row)
    }

    /// Writes the pair if it is not durable yet: whoever uses a new number writes it, so that it is there
    /// whichever of two transactions comes first.
    pub fn write(&self, tx: &mut Transaction<'_>, nid: StateKeyNid) {
        let Some(name) = self.pending_names.get(&nid) else { return };
        tx.put(&schema::STATE_KEYS, (&*name.event_type, &*name.state_key), &nid);
        tx.put(&schema::STATE_KEY_NAMES, (nid,), &name);
        self.pending.settle(tx, vec![(name.event_type.clone(), name.state_key.clone())]);
        self.pending_names.settle(tx, vec![nid]);
    }
}
