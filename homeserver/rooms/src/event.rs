//! Events as the room engine holds them, and where they are kept.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use hearth_spec::{Pdu, RoomVersion, redact};
use hearth_storage::{
    EventNid, RoomNid, Scan, StorageError, Store, TimelineOrder, Transaction,
    schema::{
        self,
        rooms::{EventRow, SentByRow, Standing, StateAround},
    },
};
use quick_cache::{Weighter, sync::Cache};
use ruma::{EventId, OwnedEventId};

use crate::{RoomError, overlay::Overlay};

/// An event and all that was decided about it. Immutable: a redaction makes a new one.
#[derive(Clone, Debug)]
pub struct Event {
    pub nid: EventNid,
    pub room: RoomNid,
    pub pdu: Arc<Pdu>,
    pub standing: Standing,
    /// Known when it is committed.
    order: OnceLock<TimelineOrder>,
    /// The state before and after it; `None` for an outlier.
    pub state: Option<StateAround>,
    /// The redaction that emptied it.
    pub redacted_by: Option<EventNid>,
    /// How a client of this server sent it.
    pub sent_by: Option<SentByRow>,
    /// About how many bytes it takes; a cache must be told the same every time.
    weight: u64,
}

impl Event {
    /// An event that is in no timeline yet.
    pub(crate) fn new(
        nid: EventNid,
        room: RoomNid,
        pdu: Arc<Pdu>,
        standing: Standing,
        state: Option<StateAround>,
    ) -> Self {
        let weight = weight_of(&pdu);
        let order = OnceLock::new();
        Self { nid, room, pdu, standing, order, state, redacted_by: None, sent_by: None, weight }
    }

    /// The event's id.
    pub fn id(&self) -> &EventId {
        self.pdu.event_id()
    }

    /// `origin_server_ts`, in milliseconds.
    pub fn ts(&self) -> u64 {
        self.pdu.origin_server_ts().get().into()
    }

    /// Where it stands in the timeline; `None` for an outlier and for what clients are not shown.
    pub fn order(&self) -> Option<TimelineOrder> {
        self.order.get().copied()
    }

    /// Gives it its place in the timeline, once.
    pub(crate) fn place(&self, order: TimelineOrder) {
        let first = self.order.set(order);
        debug_assert!(first.is_ok(), "an event has one place in the timeline");
    }

    /// What is left of it after `redaction`, which is `left`.
    pub(crate) fn redacted(&self, left: Pdu, redaction: EventNid) -> Self {
        let weight = weight_of(&left);
        Self { pdu: Arc::new(left), redacted_by: Some(redaction), weight, ..self.clone() }
    }

    /// What is shown to who may know that the event is there, but not what it says: as if it were redacted.
    pub fn emptied(&self) -> Result<Arc<Self>, RoomError> {
        let pdu = Arc::new(redact(&self.pdu, self.pdu.version())?);
        Ok(Arc::new(Self { pdu, ..self.clone() }))
    }

    pub(crate) fn row(&self) -> EventRow {
        EventRow {
            room: self.room,
            event_id: self.id().to_owned(),
            standing: self.standing,
            order: self.order(),
            state: self.state,
            redacted_by: self.redacted_by,
            sent_by: self.sent_by.clone(),
            text: self.pdu.text().to_owned(),
        }
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<EventNid, Arc<Event>> for ByWeight {
    fn weight(&self, _: &EventNid, event: &Arc<Event>) -> u64 {
        event.weight
    }
}

/// What an event weighs once its content is parsed for the rules, which happens while it is cached.
fn weight_of(pdu: &Pdu) -> u64 {
    let parsed = if pdu.is_state() { 2 * pdu.content_str().len() } else { 0 };
    (pdu.weight() + parsed) as u64 + 128
}

/// All events of all rooms: a cache over the store.
pub(crate) struct Events {
    store: Store,
    cache: Cache<EventNid, Arc<Event>, ByWeight>,
    pending: Overlay<EventNid, Arc<Event>>,
    pending_nids: Overlay<OwnedEventId, EventNid>,
    nids: Cache<OwnedEventId, EventNid>,
    next_nid: AtomicU64,
}

/// What interns a room's version for reading its events.
pub(crate) trait VersionOf {
    fn version_of(&self, room: RoomNid) -> Result<RoomVersion, RoomError>;
}

impl Events {
    pub fn open(store: Store, cache_bytes: u64) -> Result<Self, StorageError> {
        let last = store.view().scan(&schema::EVENTS, Scan::all().reversed()).next().transpose()?;
        let next = last.map_or(1, |((nid,), _)| nid.0 + 1);
        // An event of ordinary size weighs about 1 KiB; ids a tenth of the budget.
        let events = (cache_bytes / 1024).max(64) as usize;
        Ok(Self {
            store,
            cache: Cache::with_weighter(events, cache_bytes * 9 / 10, ByWeight),
            pending: Overlay::default(),
            pending_nids: Overlay::default(),
            nids: Cache::new((cache_bytes / 10 / 128).max(64) as usize),
            next_nid: AtomicU64::new(next),
        })
    }

    /// A number that no event has.
    pub fn allocate(&self) -> EventNid {
        EventNid(self.next_nid.fetch_add(1, Relaxed))
    }

    pub fn nid(&self, id: &EventId) -> Result<Option<EventNid>, StorageError> {
        if let Some(nid) = self.nids.get(id).or_else(|| self.pending_nids.get(id)) {
            return Ok(Some(nid));
        }
        let nid = self.store.view().get(&schema::EVENT_NIDS, (id,))?;
        if let Some(nid) = nid {
            self.nids.insert(id.to_owned(), nid);
        }
        Ok(nid)
    }

    /// The numbers of these ids, in their order, with one read for all that are not at hand.
    pub fn nids_of<I: AsRef<EventId>>(&self, ids: &[I]) -> Result<Vec<Option<EventNid>>, StorageError> {
        let at_hand = |id: &EventId| self.nids.get(id).or_else(|| self.pending_nids.get(id));
        let mut nids: Vec<Option<EventNid>> = ids.iter().map(|id| at_hand(id.as_ref())).collect();
        let absent: Vec<usize> = (0..ids.len()).filter(|at| nids[*at].is_none()).collect();
        if !absent.is_empty() {
            let keys = absent.iter().map(|at| (ids[*at].as_ref(),));
            let stored = self.store.view().multi_get(&schema::EVENT_NIDS, keys)?;
            for (at, nid) in absent.into_iter().zip(stored) {
                nids[at] = nid;
                if let Some(nid) = nid {
                    self.nids.insert(ids[at].as_ref().to_owned(), nid);
                }
            }
        }
        Ok(nids)
    }

    pub fn get(&self, nid: EventNid, versions: &impl VersionOf) -> Result<Option<Arc<Event>>, RoomError> {
        if let Some(event) = self.cached(nid) {
            return Ok(Some(event));
        }
        let Some(row) = self.store.view().get(&schema::EVENTS, (nid,))? else { return Ok(None) };
        self.read(nid, row, versions).map(Some)
    }

    /// The events behind `nids`, in their order. One that is missing is damage.
    pub fn get_many(
        &self,
        nids: &[EventNid],
        versions: &impl VersionOf,
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut found: Vec<Option<Arc<Event>>> = nids.iter().map(|nid| self.cached(*nid)).collect();
        let missing: Vec<usize> = (0..nids.len()).filter(|at| found[*at].is_none()).collect();
        if !missing.is_empty() {
            let rows = self.store.view().multi_get(&schema::EVENTS, missing.iter().map(|at| (nids[*at],)))?;
            for (at, row) in missing.into_iter().zip(rows) {
                let row = row.ok_or_else(|| missing_event(nids[at]))?;
                found[at] = Some(self.read(nids[at], row, versions)?);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn cached(&self, nid: EventNid) -> Option<Arc<Event>> {
        // What is pending is newer than what is cached: a redaction makes a new version.
        self.pending.get(&nid).or_else(|| self.cache.get(&nid))
    }

    fn read(&self, nid: EventNid, row: EventRow, versions: &impl VersionOf) -> Result<Arc<Event>, RoomError> {
        let version = versions.version_of(row.room)?;
        let pdu = Pdu::from_stored(version, row.text.into(), row.event_id).map_err(|error| {
            RoomError::Storage(StorageError::Corrupt(format!("event {nid} cannot be read: {error}")))
        })?;
        let mut event = Event::new(nid, row.room, Arc::new(pdu), row.standing, row.state);
        event.redacted_by = row.redacted_by;
        event.sent_by = row.sent_by;
        if let Some(order) = row.order {
            event.place(order);
        }
        let event = Arc::new(event);
        self.cache.insert(nid, event.clone());
        Ok(event)
    }

    /// Whether an event is on its way to the disk.
    pub fn is_pending(&self, nid: EventNid) -> bool {
        self.pending.get(&nid).is_some()
    }

    /// Makes an event readable at once, before it is durable.
    pub fn stage(&self, event: Arc<Event>) {
        self.pending_nids.insert(event.id().to_owned(), event.nid);
        self.pending.insert(event.nid, event);
    }

    /// Takes staged events back.
    pub fn unstage<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) {
        for event in events {
            self.pending.remove(&event.nid);
            self.pending_nids.remove(event.id());
        }
    }

    /// Writes staged events.
    pub fn write(&self, tx: &mut Transaction<'_>, events: &[Arc<Event>]) {
        for event in events {
            tx.put(&schema::EVENTS, (event.nid,), &event.row());
            tx.put(&schema::EVENT_NIDS, (event.id(),), &event.nid);
            self.cache.insert(event.nid, event.clone());
            self.nids.insert(event.id().to_owned(), event.nid);
        }
        self.pending.settle(tx, events.iter().map(|event| event.nid).collect());
        self.pending_nids.settle(tx, events.iter().map(|event| event.id().to_owned()).collect());
    }
}

pub(crate) fn missing_event(nid: EventNid) -> RoomError {
    RoomError::Storage(StorageError::Corrupt(format!("event {nid} is referred to but not there")))
}
