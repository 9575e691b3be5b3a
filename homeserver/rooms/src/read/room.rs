//! A room: its handle, and reading it.

use std::{collections::VecDeque, sync::Arc};

use arc_swap::ArcSwap;
use hearth_spec::{PowerLevels, RoomVersion, ServerAcl};
use hearth_storage::{
    EventNid, Position, RoomNid, Scan, StateId, TimelineOrder,
    schema::{
        self,
        rooms::{Membership, RoomHeadRow, StateKeyRow},
    },
};
use parking_lot::RwLock;
use ruma::{OwnedRoomId, RoomId, UserId};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        rejections::Rejections,
        shared::{Shared, membership_of},
    },
};

/// A room as it stands: its current state, forward extremities and counts.
pub type Head = RoomHeadRow;

/// How many wait to write to one room before the next is told to come back.
const WAITING_WRITERS: usize = 512;
/// The newest events of a hot room's timeline are kept in memory, for those who wait in `/sync`.
const RECENT_EVENTS: usize = 32;

/// A handle on a room. Hot rooms stay in memory; there is one [`RoomInner`] for a room at a time.
#[derive(Clone)]
pub struct Room(pub(crate) Arc<RoomInner>);

pub(crate) struct RoomInner {
    pub shared: Arc<Shared>,
    pub nid: RoomNid,
    pub id: OwnedRoomId,
    pub version: RoomVersion,
    /// The head that is durable: what everyone reads.
    published: ArcSwap<Head>,
    /// From which position on all of the room's state is here; `None` while its members are missing.
    pub whole_since: watch::Sender<Option<Position>>,
    recent: RwLock<Recent>,
    /// The head that is written on: ahead of the published one while the disk syncs. Whoever holds it is the room's
    /// writer.
    pub writer: Mutex<Head>,
    pub waiting: Semaphore,
    /// Held while a receipt is moved.
    pub receipts: parking_lot::Mutex<()>,
    pub rejections: Rejections,
    /// The access control list that was read last, and its event.
    pub server_acl: parking_lot::Mutex<Option<(EventNid, Arc<ServerAcl>)>>,
}

/// The newest events of the timeline, with their places: all of them after `after`.
struct Recent {
    after: TimelineOrder,
    events: VecDeque<(TimelineOrder, EventNid)>,
    /// After it the timeline has no gap.
    newest_gap: TimelineOrder,
}

impl Recent {
    /// What stands up to a place is read from the store.
    fn read_up_to(&mut self, order: TimelineOrder) {
        if order > self.after {
            self.after = order;
            self.events.retain(|(known, _)| *known > order);
        }
    }
}

impl RoomInner {
    /// A room with the head that is durable and the one that is written on.
    pub fn new(
        shared: Arc<Shared>,
        nid: RoomNid,
        id: OwnedRoomId,
        version: RoomVersion,
        durable: Head,
        written: Head,
        whole_since: Option<Position>,
    ) -> Self {
        Self {
            shared,
            nid,
            id,
            version,
            recent: RwLock::new(Recent {
                after: durable.position.into(),
                events: VecDeque::new(),
                newest_gap: TimelineOrder::MIN,
            }),
            writer: Mutex::new(written),
            published: ArcSwap::from_pointee(durable),
            whole_since: watch::Sender::new(whole_since),
            waiting: Semaphore::new(WAITING_WRITERS),
            receipts: parking_lot::Mutex::default(),
            rejections: Rejections::default(),
            server_acl: parking_lot::Mutex::default(),
        }
    }

    /// Makes a durable head what everyone reads.
    pub fn publish(&self, head: Head) {
        // A room that was loaded a moment ago may have a later one.
        if head.position >= self.published.load().position {
            self.published.store(Arc::new(head));
        }
    }

    /// An event came into the timeline, and is durable.
    pub fn came(&self, order: TimelineOrder, event: EventNid) {
        let mut recent = self.recent.write();
        let newest = recent.events.back().map_or(recent.after, |(order, _)| *order);
        if order > newest {
            recent.events.push_back((order, event));
            while recent.events.len() > RECENT_EVENTS {
                if let Some((order, _)) = recent.events.pop_front() {
                    recent.after = order;
                }
            }
        } else {
            // History came among the newest.
            recent.read_up_to(order);
        }
    }

    /// A gap came into the timeline, or was closed.
    pub fn gap_changed(&self, order: TimelineOrder) {
        let mut recent = self.recent.write();
        recent.newest_gap = recent.newest_gap.max(order);
    }

    /// Whether the timeline may have a gap after a place, as far as memory knows.
    pub fn may_have_gap_after(&self, order: TimelineOrder) -> bool {
        self.recent.read().newest_gap > order
    }

    /// An event was taken out of the timeline.
    pub fn went(&self, order: TimelineOrder) {
        self.recent.write().read_up_to(order);
    }
}

impl Room {
    pub fn nid(&self) -> RoomNid {
        self.0.nid
    }

    pub fn id(&self) -> &RoomId {
        &self.0.id
    }

    pub fn version(&self) -> RoomVersion {
        self.0.version
    }

    /// The durable head.
    pub fn head(&self) -> Arc<Head> {
        self.0.published.load_full()
    }

    /// The room, unless it never was here: then it has no extremities.
    pub(crate) fn if_known(self) -> Result<Self, RoomError> {
        match self.0.published.load().extremities.is_empty() {
            true => Err(RoomError::UnknownRoom),
            false => Ok(self),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// An event of the current state.
    pub fn state_event(&self, event_type: &str, state_key: &str) -> Result<Option<Arc<Event>>, RoomError> {
        self.state_event_at(self.head().state, event_type, state_key)
    }

    /// The content of an event of the current state; `None` as well where it does not parse.
    pub fn state_content<T: DeserializeOwned>(
        &self,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<T>, RoomError> {
        let event = self.state_event(event_type, state_key)?;
        Ok(event.and_then(|event| serde_json::from_str(event.pdu.content().get()).ok()))
    }

    /// Who may do what, by the current state.
    pub fn power_levels(&self) -> Result<PowerLevels, RoomError> {
        self.shared().power_levels(self.head().state)
    }

    /// An event of a set of state.
    pub fn state_event_at(
        &self,
        state: StateId,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<Arc<Event>>, RoomError> {
        self.shared().state_event(state, event_type, state_key)
    }

    /// All events of a set of state: as many as it holds.
    pub fn full_state(&self, state: StateId) -> Result<Vec<Arc<Event>>, RoomError> {
        let nids =
            self.shared().trees.read(&self.shared().view).iter(state).map(|entry| entry.map(|(_, nid)| nid));
        self.shared().events_of(&nids.collect::<Result<Vec<_>, _>>()?)
    }

    /// The events of one type in a set of state. It walks the whole set: not for members, who are in
    /// [`members`](Self::members).
    pub fn state_of_type(&self, state: StateId, event_type: &str) -> Result<Vec<Arc<Event>>, RoomError> {
        self.state_where(state, |found, _| found == event_type)
    }

    /// The events of a set of state whose type and state key are wanted. It walks the whole set, and reads no other
    /// events.
    pub fn state_where(
        &self,
        state: StateId,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut nids = Vec::new();
        for entry in self.shared().trees.read(&self.shared().view).iter(state) {
            let (key, nid) = entry?;
            let name = self.shared().state_keys.name(&self.shared().view, key)?;
            if wanted(&name.event_type, &name.state_key) {
                nids.push(nid);
            }
        }
        self.shared().events_of(&nids)
    }

    /// The types and state keys of `old` that `new` has nothing for; as many steps as there are differences.
    pub fn state_removed(&self, old: StateId, new: StateId) -> Result<Vec<Arc<StateKeyRow>>, RoomError> {
        let diff = self.shared().trees.read(&self.shared().view).diff(old, new)?;
        let gone = diff.into_iter().filter(|(.., new)| new.is_none());
        gone.map(|(key, ..)| Ok(self.shared().state_keys.name(&self.shared().view, key)?)).collect()
    }

    /// The events of `new` that `old` does not have; as many steps as there are differences.
    pub fn state_diff(&self, old: StateId, new: StateId) -> Result<Vec<Arc<Event>>, RoomError> {
        let diff = self.shared().trees.read(&self.shared().view).diff(old, new)?;
        let nids: Vec<EventNid> = diff.into_iter().filter_map(|(_, _, new)| new).collect();
        self.shared().events_of(&nids)
    }

    /// The current state as it was at a position of the log.
    pub fn state_at_position(&self, position: Position) -> Result<StateId, RoomError> {
        let head = self.head();
        if position >= head.state_position {
            return Ok(head.state);
        }
        let before = Scan::prefix((self.nid(),)).through((self.nid(), position)).reversed();
        let found = self.shared().view.scan(&schema::STATE_HISTORY, before).next().transpose()?;
        Ok(found.map_or(StateId::EMPTY, |(_, state)| state))
    }

    /// A user's membership in a set of state.
    pub fn membership_at(&self, state: StateId, user: &UserId) -> Result<Option<Membership>, RoomError> {
        let event = self.state_event_at(state, "m.room.member", user.as_str())?;
        Ok(event.and_then(|event| membership_of(&event)))
    }

    /// An event of this room.
    pub fn event(&self, id: &ruma::EventId) -> Result<Option<Arc<Event>>, RoomError> {
        Ok(self.shared().event_by_id(id)?.filter(|event| event.room == self.nid()))
    }

    /// The newest events, newest first, that come after `after`; `None` if memory does not reach that far.
    pub(crate) fn recent(&self, after: TimelineOrder) -> Option<Vec<(TimelineOrder, EventNid)>> {
        let recent = self.0.recent.read();
        let newer = recent.events.iter().rev().take_while(|(order, _)| *order > after);
        (after >= recent.after).then(|| newer.copied().collect())
    }
}
