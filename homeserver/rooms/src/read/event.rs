//! Events as the room engine holds them, and where they are kept.

use std::sync::Arc;

use hearth_spec::{Pdu, RoomVersion, redact};
use hearth_storage::{
    EventNid, Numbers, Position, Reading, Remembered, RoomNid, Scan, StorageError, Store, TimelineOrder,
    schema::{
        self,
        rooms::{EventRow, SentByRow, Standing, StateAround},
    },
};
use quick_cache::Weighter;
use ruma::{EventId, OwnedEventId};

use crate::RoomError;

/// The type of the event that joins the ends of a room's graph. It says nothing, clients are not told it, and other
/// servers get it when they ask for what an event of ours follows. They do the same under the same name.
pub(crate) const DUMMY: &str = "org.matrix.dummy_event";

/// An event and all that was decided about it. A redaction makes a new one.
#[derive(Clone, Debug)]
pub struct Event {
    pub nid: EventNid,
    pub room: RoomNid,
    pub pdu: Arc<Pdu>,
    pub standing: Standing,
    /// See [`order`](Self::order); provisional until it is committed.
    pub(crate) order: Option<TimelineOrder>,
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
        Self { nid, room, pdu, standing, order: None, state, redacted_by: None, sent_by: None, weight }
    }

    /// The event's id.
    pub fn id(&self) -> &EventId {
        self.pdu.event_id()
    }

    /// `origin_server_ts`, in milliseconds.
    pub fn ts(&self) -> u64 {
        self.pdu.origin_server_ts().get().into()
    }

    /// Whether it only joins the ends of its room's graph.
    pub fn is_dummy(&self) -> bool {
        self.pdu.type_str() == DUMMY
    }

    /// Where it stands in the timeline; `None` for an outlier and for what clients are not shown.
    pub fn order(&self) -> Option<TimelineOrder> {
        self.order
    }

    /// Puts its real place there when it is committed.
    pub(crate) fn settle(&mut self, before: Position) {
        self.order = self.order.map(|order| order.settled(before));
    }

    /// The same event as it is decided on again.
    pub(crate) fn decided(&self, standing: Standing, state: StateAround) -> Self {
        Self { standing, state: Some(state), ..self.clone() }
    }

    /// What is left of it after `redaction`, which is `left`.
    pub(crate) fn redacted(&self, left: Pdu, redaction: EventNid) -> Self {
        let weight = weight_of(&left);
        Self { pdu: Arc::new(left), redacted_by: Some(redaction), weight, ..self.clone() }
    }

    /// The same, saying what it said before.
    pub(crate) fn saying(&self, pdu: Pdu) -> Self {
        Self { pdu: Arc::new(pdu), ..self.clone() }
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
            order: self.order,
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

#[derive(Clone)]
struct ByLength;

impl Weighter<OwnedEventId, EventNid> for ByLength {
    fn weight(&self, id: &OwnedEventId, _: &EventNid) -> u64 {
        // In early room versions whoever sends an event chooses its id. The rest is its places and the table's.
        id.as_str().len() as u64 + 80
    }
}

/// What an event weighs once its content is parsed for the rules, which happens while it is cached.
fn weight_of(pdu: &Pdu) -> u64 {
    let parsed = if pdu.is_state() { 2 * pdu.content_str().len() } else { 0 };
    (pdu.weight() + parsed) as u64 + 128
}

/// All events of all rooms that are in memory, and the numbers that new ones are given.
pub(crate) struct Events {
    remembered: Arc<Remembered<EventNid, Arc<Event>, ByWeight>>,
    nids: Remembered<OwnedEventId, EventNid, ByLength>,
    numbers: Numbers,
}

/// What interns a room's version for reading its events.
pub(crate) trait VersionOf {
    fn version_of(&self, room: RoomNid) -> Result<RoomVersion, RoomError>;
}

impl Events {
    pub fn open(store: &Store, cache_bytes: u64) -> Result<Self, StorageError> {
        let last = store.view().scan(&schema::EVENTS, Scan::all().reversed()).next().transpose()?;
        let used = last.map_or(0, |((nid,), _)| nid.0);
        let numbers = Numbers::open(store.clone(), "events_given", used)?;
        // An event of ordinary size weighs about 1 KiB; ids a tenth of the budget.
        let events = (cache_bytes / 1024).max(64) as usize;
        let remembered = Arc::new(Remembered::weighed(events, cache_bytes * 9 / 10, ByWeight));
        store.observe(&schema::EVENTS, {
            let remembered = remembered.clone();
            move |row| {
                remembered.changed(&row.key()?.0, row.commit());
                Ok(())
            }
        });
        Ok(Self {
            remembered,
            nids: Remembered::weighed((cache_bytes / 10 / 128).max(64) as usize, cache_bytes / 10, ByLength),
            numbers,
        })
    }

    /// A number that no event has.
    pub fn allocate(&self) -> Result<EventNid, StorageError> {
        self.numbers.next().map(EventNid)
    }

    pub fn remembered(&self, nid: EventNid, upto: u64) -> Option<Arc<Event>> {
        self.remembered.get(&nid, upto)
    }

    pub fn remembered_nid(&self, id: &EventId, upto: u64) -> Option<EventNid> {
        self.nids.get(id, upto)
    }

    /// To be called before the row of an event is read.
    pub fn read(&self, nid: EventNid) -> Reading {
        self.remembered.read(&nid)
    }

    /// The event of a row that was read, which is remembered.
    pub fn keep(
        &self,
        reading: Reading,
        upto: u64,
        nid: EventNid,
        row: EventRow,
        versions: &impl VersionOf,
    ) -> Result<Arc<Event>, RoomError> {
        let version = versions.version_of(row.room)?;
        let pdu = Pdu::from_stored(version, row.text.into(), row.event_id).map_err(|error| {
            RoomError::Storage(StorageError::Corrupt(format!("event {nid} cannot be read: {error}")))
        })?;
        let mut event = Event::new(nid, row.room, Arc::new(pdu), row.standing, row.state);
        event.redacted_by = row.redacted_by;
        event.sent_by = row.sent_by;
        event.order = row.order;
        let event = Arc::new(event);
        self.remembered.keep(reading, nid, upto, event.clone());
        Ok(event)
    }

    /// Remembers a number that was read. It never changes.
    pub fn keep_nid(&self, id: &EventId, upto: u64, nid: EventNid) {
        self.nids.keep(self.nids.read(id), id.to_owned(), upto, nid);
    }

    /// Remembers an event that was just submitted.
    pub fn put(&self, commit: u64, event: Arc<Event>) {
        if self.nids.get(event.id(), u64::MAX).is_none() {
            self.nids.put(event.id().to_owned(), commit, event.nid);
        }
        self.remembered.put(event.nid, commit, event);
    }
}

/// Whether nothing can be read of an event any more.
pub(crate) fn is_gone(row: &EventRow) -> bool {
    row.standing == Standing::Purged && row.text.is_empty()
}

pub(crate) fn missing_event(nid: EventNid) -> RoomError {
    RoomError::Storage(StorageError::Corrupt(format!("event {nid} is referred to but not there")))
}
