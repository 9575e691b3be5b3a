//! Pairs of event type and state key, interned.

use std::sync::Arc;

use hearth_storage::{
    Numbers, Scan, StateKeyNid, StorageError, Store, View,
    schema::{self, rooms::StateKeyRow},
};
use parking_lot::Mutex;
use quick_cache::{Weighter, sync::Cache};

type Pair = (String, String);

/// Numbers for pairs of event type and state key, the same in all rooms. They never change, and one that was
/// submitted is durable before whatever uses it, so what is remembered needs no care.
pub(crate) struct StateKeys {
    store: Store,
    numbers: Cache<Pair, StateKeyNid, ByLength>,
    names: Cache<StateKeyNid, Arc<StateKeyRow>, ByLength>,
    given: Numbers,
    /// Held while numbers are given to pairs.
    giving: Mutex<()>,
}

/// A pair takes its two texts, and its places and those of the table.
#[derive(Clone)]
struct ByLength;

impl ByLength {
    fn of(event_type: &str, state_key: &str) -> u64 {
        (event_type.len() + state_key.len()) as u64 + 144
    }
}

impl Weighter<Pair, StateKeyNid> for ByLength {
    fn weight(&self, (event_type, state_key): &Pair, _: &StateKeyNid) -> u64 {
        Self::of(event_type, state_key)
    }
}

impl Weighter<StateKeyNid, Arc<StateKeyRow>> for ByLength {
    fn weight(&self, _: &StateKeyNid, row: &Arc<StateKeyRow>) -> u64 {
        Self::of(&row.event_type, &row.state_key)
    }
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
        let used = last.map_or(0, |((nid,), _)| nid.0);
        let given = Numbers::open(store.clone(), "state_keys_given", used)?;
        // An estimate only: it sizes the first tables.
        let expected = (cache_bytes / 2 / 192).max(256) as usize;
        Ok(Self {
            store,
            numbers: Cache::with_weighter(expected, cache_bytes / 2, ByLength),
            names: Cache::with_weighter(expected, cache_bytes / 2, ByLength),
            given,
            giving: Mutex::default(),
        })
    }

    /// The number of a pair, if any room ever had it.
    pub fn find(
        &self,
        view: &View,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<StateKeyNid>, StorageError> {
        if let Some(nid) = self.numbers.get(&PairRef(event_type, state_key)) {
            return Ok(Some(nid));
        }
        let nid = view.get(&schema::STATE_KEYS, (event_type, state_key))?;
        if let Some(nid) = nid {
            self.numbers.insert((event_type.to_owned(), state_key.to_owned()), nid);
        }
        Ok(nid)
    }

    /// The number of a pair, new if need be.
    pub fn intern(&self, event_type: &str, state_key: &str) -> Result<StateKeyNid, StorageError> {
        match self.numbers.get(&PairRef(event_type, state_key)) {
            Some(nid) => Ok(nid),
            None => Ok(self.intern_all([(event_type, state_key)].into_iter())?[0]),
        }
    }

    /// The numbers of pairs, new ones in a commit of their own: another room may want the same at this moment.
    pub fn intern_all<'a>(
        &self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Vec<StateKeyNid>, StorageError> {
        let _giving = self.giving.lock();
        let mut tx = self.store.begin()?;
        let mut nids = Vec::new();
        let mut any_new = false;
        for (event_type, state_key) in pairs {
            let nid = match tx.get(&schema::STATE_KEYS, (event_type, state_key))? {
                Some(nid) => nid,
                None => {
                    let nid = StateKeyNid(self.given.next()?);
                    any_new = true;
                    let row =
                        StateKeyRow { event_type: event_type.to_owned(), state_key: state_key.to_owned() };
                    tx.put(&schema::STATE_KEYS, (event_type, state_key), &nid);
                    tx.put(&schema::STATE_KEY_NAMES, (nid,), &row);
                    nid
                }
            };
            nids.push(nid);
        }
        if any_new {
            tx.submit();
        }
        Ok(nids)
    }

    /// The pair behind a number.
    pub fn name(&self, view: &View, nid: StateKeyNid) -> Result<Arc<StateKeyRow>, StorageError> {
        if let Some(name) = self.names.get(&nid) {
            return Ok(name);
        }
        let row = view.get(&schema::STATE_KEY_NAMES, (nid,))?;
        let row = Arc::new(row.ok_or_else(|| StorageError::Corrupt(format!("state key {nid} has no name")))?);
        self.names.insert(nid, row.clone());
        Ok(row)
    }
}
