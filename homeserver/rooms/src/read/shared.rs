//! What all rooms share.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};

use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    Clock, Random, RoomNid, StorageError, Store, View, schema,
    schema::rooms::{Membership, RoomRow},
};
use parking_lot::{Mutex, RwLock};
use quick_cache::sync::Cache;
use ruma::OwnedServerName;

use crate::{
    RoomError,
    index::{
        reachability::Reachability, resolutions::Resolutions, state_keys::StateKeys, state_tree::StateTrees,
    },
    read::{
        bans::Bans,
        event::{Event, Events, VersionOf},
        policy::PolicyServers,
        retention::Retention,
        transaction_days::TransactionDays,
    },
};

/// The indexes and caches under all rooms. A room holds this and not the [`Rooms`](crate::Rooms), so that
/// nothing holds itself.
pub(crate) struct Shared {
    pub store: Store,
    /// What is durable.
    pub view: View,
    pub server_name: OwnedServerName,
    pub key: SigningKey,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub events: Events,
    pub state_keys: StateKeys,
    pub trees: StateTrees,
    pub resolutions: Resolutions,
    pub reachability: Reachability,
    pub versions: Versions,
    /// Held while aliases and the directory are changed.
    pub aliases: Mutex<()>,
    pub bans: Bans,
    /// Who asks policy servers.
    pub policy_servers: OnceLock<Arc<dyn PolicyServers>>,
    /// Held while one more delayed event is let wait.
    pub delaying: Mutex<()>,
    /// Held while something that administrators ask for or read gets its id.
    pub administering: Mutex<()>,
    /// How long what is sent stays.
    pub retention: Retention,
    /// Whether events were purged since state was swept last.
    pub purged: AtomicBool,
    /// On which days clients used transaction ids.
    pub transaction_days: TransactionDays,
}

/// The versions of the rooms that were asked for lately.
pub(crate) struct Versions {
    store: Store,
    known: Cache<RoomNid, RoomVersion>,
    /// Those of rooms that may not be durable yet.
    coming: RwLock<HashMap<RoomNid, RoomVersion>>,
}

/// What a room takes here, in bytes.
const VERSION_BYTES: u64 = 64;
/// When so many rooms may not be durable yet, those that are by now are let go of.
const COMING: usize = 1024;

impl Versions {
    /// Takes so many bytes.
    pub fn new(store: Store, cache_bytes: u64) -> Self {
        let known = Cache::new((cache_bytes / VERSION_BYTES).max(64) as usize);
        Self { store, known, coming: RwLock::default() }
    }

    /// Makes a room's version known before the room is durable.
    pub fn insert(&self, room: RoomNid, version: RoomVersion) {
        let mut coming = self.coming.write();
        coming.insert(room, version);
        self.known.remove(&room);
        if coming.len() >= COMING {
            // What cannot be read now is looked for again the next time.
            let view = self.store.view();
            coming.retain(|room, _| !view.contains(&schema::ROOMS, (*room,)).unwrap_or(false));
        }
    }
}

impl VersionOf for Versions {
    fn version_of(&self, room: RoomNid) -> Result<RoomVersion, RoomError> {
        if let Some(version) = self.known.get(&room) {
            return Ok(version);
        }
        // First what may not be durable yet: a version that an invite told wrongly is corrected there.
        if let Some(version) = self.coming.read().get(&room) {
            return Ok(*version);
        }
        let row = self.store.view().get(&schema::ROOMS, (room,))?.ok_or(RoomError::UnknownRoom)?;
        let version = version_named(&row)?;
        self.known.insert(room, version);
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
