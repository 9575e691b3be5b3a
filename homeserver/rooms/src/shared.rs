//! What all rooms share.

use std::{collections::HashMap, sync::Arc};

use hearth_spec::{PowerLevels, RoomVersion, SigningKey};
use hearth_storage::{
    Clock, EventNid, Random, RoomNid, StateId, StorageError, Store, schema,
    schema::rooms::{Membership, RoomRow},
};
use parking_lot::RwLock;
use ruma::{EventId, OwnedServerName};

use crate::{
    RoomError,
    event::{Event, Events, VersionOf, missing_event},
    overlay::Overlay,
    reachability::Reachability,
    state_keys::StateKeys,
    state_tree::StateTrees,
    writer::TransactionKey,
};

/// The indexes and caches under all rooms. A room holds this and not the [`Rooms`](crate::Rooms), so that
/// nothing holds itself.
pub(crate) struct Shared {
    pub store: Store,
    pub server_name: OwnedServerName,
    pub key: SigningKey,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub events: Events,
    pub state_keys: StateKeys,
    pub trees: StateTrees,
    pub reachability: Reachability,
    pub versions: Versions,
    pub transactions: Overlay<TransactionKey, EventNid>,
    /// Held while aliases are taken or given up.
    pub aliases: tokio::sync::Mutex<()>,
    pub threads: Overlay<(RoomNid, ruma::OwnedEventId), schema::rooms::ThreadRow>,
    pub servers: Overlay<(RoomNid, OwnedServerName), u64>,
}

/// The versions of all rooms that were asked for: some ten bytes a room.
pub(crate) struct Versions {
    store: Store,
    known: RwLock<HashMap<RoomNid, RoomVersion>>,
}

impl Versions {
    pub fn new(store: Store) -> Self {
        Self { store, known: RwLock::default() }
    }

    /// Makes a room's version known before the room is durable.
    pub fn insert(&self, room: RoomNid, version: RoomVersion) {
        self.known.write().insert(room, version);
    }
}

impl VersionOf for Versions {
    fn version_of(&self, room: RoomNid) -> Result<RoomVersion, RoomError> {
        if let Some(version) = self.known.read().get(&room) {
            return Ok(*version);
        }
        let row = self.store.view().get(&schema::ROOMS, (room,))?.ok_or(RoomError::UnknownRoom)?;
        let version = version_named(&row)?;
        self.insert(room, version);
        Ok(version)
    }
}

pub(crate) fn version_named(row: &RoomRow) -> Result<RoomVersion, RoomError> {
    ruma::RoomVersionId::try_from(row.version.as_str())
        .ok()
        .and_then(|id| RoomVersion::of(&id))
        .ok_or_else(|| RoomError::UnsupportedVersion(row.version.clone()))
}

impl Shared {
    pub fn event(&self, nid: EventNid) -> Result<Option<Arc<Event>>, RoomError> {
        self.events.get(nid, &self.versions)
    }

    /// The event behind a number that something here refers to.
    pub fn referred(&self, nid: EventNid) -> Result<Arc<Event>, RoomError> {
        self.event(nid)?.ok_or_else(|| missing_event(nid))
    }

    pub fn event_by_id(&self, id: &EventId) -> Result<Option<Arc<Event>>, RoomError> {
        match self.events.nid(id)? {
            Some(nid) => self.event(nid),
            None => Ok(None),
        }
    }

    pub fn events_of(&self, nids: &[EventNid]) -> Result<Vec<Arc<Event>>, RoomError> {
        self.events.get_many(nids, &self.versions)
    }

    /// The event that a set of state has for a pair.
    pub fn state_event(
        &self,
        state: StateId,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<Arc<Event>>, RoomError> {
        let Some(key) = self.state_keys.find(event_type, state_key)? else { return Ok(None) };
        match self.trees.get(state, key)? {
            Some(nid) => self.referred(nid).map(Some),
            None => Ok(None),
        }
    }

    /// Who may do what in a set of state.
    pub fn power_levels(&self, state: StateId) -> Result<PowerLevels, RoomError> {
        let create = self.state_event(state, "m.room.create", "")?.ok_or(RoomError::UnknownRoom)?;
        let levels = self.state_event(state, "m.room.power_levels", "")?;
        Ok(PowerLevels::new(&create.pdu, levels.as_ref().map(|event| &*event.pdu))?)
    }

    /// An opaque id of so many random bytes, in letters safe everywhere.
    pub fn opaque_id(&self, bytes: usize) -> String {
        let mut random = vec![0; bytes];
        self.random.fill(&mut random);
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        random.into_iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    }
}

/// What a membership event says.
pub(crate) fn membership_of(event: &Event) -> Option<Membership> {
    event.pdu.membership().map(|membership| match membership {
        hearth_spec::Membership::Join => Membership::Join,
        hearth_spec::Membership::Invite => Membership::Invite,
        hearth_spec::Membership::Knock => Membership::Knock,
        hearth_spec::Membership::Leave => Membership::Leave,
        hearth_spec::Membership::Ban => Membership::Ban,
    })
}

impl From<RoomError> for StorageError {
    /// For the parts that only know storage's errors: a room's error that is not one of them is damage.
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Storage(error) => error,
            other => Self::Corrupt(other.to_string()),
        }
    }
}
