//! A room: its handle, and reading it.

use std::{collections::VecDeque, sync::Arc};

use arc_swap::ArcSwap;
use hearth_spec::{PowerLevels, RoomVersion, ServerAcl};
use hearth_storage::{
    EventNid, Position, RoomNid, Scan, StateId, TimelineOrder,
    schema::{
        self,
        rooms::{Membership, RoomHeadRow},
    },
};
use parking_lot::RwLock;
use ruma::{OwnedRoomId, RoomId, UserId};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Semaphore};

use crate::{
    RoomError,
    event::Event,
    shared::{Shared, membership_of},
    writer::Writer,
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
    recent: RwLock<Recent>,
    /// The head that is written on: ahead of the published one while the disk syncs.
    pub writer: Mutex<Writer>,
    pub waiting: Semaphore,
    /// Held while a receipt is moved.
    pub receipts: Mutex<()>,
    /// The access control list that was read last, and its event.
    pub server_acl: parking_lot::Mutex<Option<(EventNid, Arc<ServerAcl>)>>,
}

/// The newest events of the timeline: all of them after `after`.
struct Recent {
    after: TimelineOrder,
    events: VecDeque<Arc<Event>>,
}

impl RoomInner {
    pub fn new(shared: Arc<Shared>, nid: RoomNid, id: OwnedRoomId, version: RoomVersion, head: Head) -> Self {
        Self {
            shared,
            nid,
            id,
            version,
            recent: RwLock::new(Recent { after: head.position.into(), events: VecDeque::new() }),
            writer: Mutex::new(Writer::new(head.clone())),
            published: ArcSwap::from_pointee(head),
            waiting: Semaphore::new(WAITING_WRITERS),
            receipts: Mutex::default(),
            server_acl: parking_lot::Mutex::default(),
        }
    }

    /// Makes a durable head, and the events that led to it, what everyone reads.
    pub fn publish(&self, head: Head, events: Vec<Arc<Event>>) {
        let mut recent = self.recent.write();
        recent.events.extend(events);
        while recent.events.len() > RECENT_EVENTS {
            if let Some(order) = recent.events.pop_front().and_then(|event| event.order()) {
                recent.after = order;
            }
        }
        drop(recent);
        self.published.store(Arc::new(head));
    }

    /// History came in, up to this place: what is among the newest is read from the store up to there.
    pub fn history_came(&self, order: TimelineOrder) {
        let mut recent = self.recent.write();
        if order > recent.after {
            recent.after = order;
            recent.events.retain(|event| event.order().is_some_and(|place| place > order));
        }
    }

    /// A redaction changed an event that may be among the newest.
    pub fn replace_recent(&self, event: &Arc<Event>) {
        let mut recent = self.recent.write();
        if let Some(place) = recent.events.iter_mut().find(|known| known.nid == event.nid) {
            *place = event.clone();
        }
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
        let nids = self.shared().trees.iter(state).map(|entry| entry.map(|(_, nid)| nid));
        self.shared().events_of(&nids.collect::<Result<Vec<_>, _>>()?)
    }

    /// The events of one type in a set of state. It walks the whole set: not for members, who are in
    /// [`members`](Self::members).
    pub fn state_of_type(&self, state: StateId, event_type: &str) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut nids = Vec::new();
        for entry in self.shared().trees.iter(state) {
            let (key, nid) = entry?;
            if self.shared().state_keys.name(key)?.event_type == event_type {
                nids.push(nid);
            }
        }
        self.shared().events_of(&nids)
    }

    /// The events of `new` that `old` does not have; as many steps as there are differences.
    pub fn state_diff(&self, old: StateId, new: StateId) -> Result<Vec<Arc<Event>>, RoomError> {
        let diff = self.shared().trees.diff(old, new)?;
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
        let found = self.shared().store.view().scan(&schema::STATE_HISTORY, before).next().transpose()?;
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
    pub(crate) fn recent(&self, after: TimelineOrder) -> Option<Vec<Arc<Event>>> {
        let recent = self.0.recent.read();
        let newer = |event: &&Arc<Event>| event.order().is_some_and(|order| order > after);
        (after >= recent.after).then(|| recent.events.iter().rev().take_while(newer).cloned().collect())
    }
}
