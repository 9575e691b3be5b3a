//! The connections of a user: found, read from what was written, and written.
//!
//! A connection is written before an answer goes out that changes which rooms are in view, or how they are asked for; so a
//! client may come back with its `pos` after a restart. What is in memory may be let go of at any time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use hearth_storage::{Commit, Scan, Store, schema};
use parking_lot::{Mutex, MutexGuard};
use ruma::{DeviceId, OwnedDeviceId, UserId};

use super::{SlidingPosition, connection::Connection};
use crate::SyncError;

/// How many connections a device has at most: one more takes the place of that which was written longest ago.
pub(super) const MAX_CONNECTIONS: usize = 16;
/// A connection that is used is written so often at least, in milliseconds.
const WRITE_EVERY_MS: u64 = 24 * 60 * 60 * 1000;

/// The connections of a user that are in memory.
#[derive(Default)]
pub(crate) struct Connections {
    held: HashMap<(OwnedDeviceId, String), Arc<Held>>,
    turns: u64,
}

/// A connection in memory.
pub(crate) struct Held {
    connection: Mutex<Connection>,
    begun: u64,
    /// Of the request that may go on with it. A client that asks again has given up what it asked before.
    turn: AtomicU64,
    bytes: AtomicUsize,
}

impl Held {
    fn new(connection: Connection) -> Arc<Self> {
        let (begun, bytes) = (connection.begun, AtomicUsize::new(connection.bytes()));
        Arc::new(Self { connection: Mutex::new(connection), begun, turn: AtomicU64::new(0), bytes })
    }

    pub fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock()
    }

    /// Notes how much it takes now.
    pub fn weigh(&self, connection: &Connection) {
        self.bytes.store(connection.bytes(), Relaxed);
    }
}

/// Which connection it is.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    pub user: &'a UserId,
    pub device: &'a DeviceId,
    pub id: &'a str,
}

impl Connections {
    /// Gives a request its turn on the connection of a client that comes with `position`; on one that begins now, for a
    /// client that has none.
    ///
    /// # Errors
    /// [`SyncError::UnknownPosition`] if nothing is known of it.
    pub fn take_turn(
        &mut self,
        store: &Store,
        name: Name<'_>,
        position: Option<SlidingPosition>,
        now_ms: u64,
    ) -> Result<u64, SyncError> {
        let key = (name.device.to_owned(), name.id.to_owned());
        let known = self.held.get(&key);
        let held = match (position, known) {
            (Some(_), Some(known)) => known.clone(),
            (Some(_), None) => Held::new(read(store, name)?.ok_or(SyncError::UnknownPosition)?),
            (None, known) => {
                let before = match known {
                    Some(known) => Some(known.begun),
                    None => {
                        store.written().get(&schema::SLIDING_CONNECTIONS, key_of(name))?.map(|row| row.begun)
                    }
                };
                Held::new(Connection::begin(before.map_or(now_ms, |before| now_ms.max(before + 1))))
            }
        };
        self.turns += 1;
        held.turn.store(self.turns, Relaxed);
        self.held.insert(key, held);
        Ok(self.turns)
    }

    /// The connection on which a request has its turn; `None` if another one has it, or it was let go of.
    pub fn in_turn(&self, name: Name<'_>, turn: u64) -> Option<Arc<Held>> {
        let held = self.held.get(&(name.device.to_owned(), name.id.to_owned()))?;
        (held.turn.load(Relaxed) == turn).then(|| held.clone())
    }

    /// Forgets a connection in memory.
    pub fn forget(&mut self, device: &DeviceId, id: &str) {
        self.held.remove(&(device.to_owned(), id.to_owned()));
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        self.held.values().map(|held| held.bytes.load(Relaxed) + size_of::<Held>()).sum()
    }
}

fn key_of(name: Name<'_>) -> (&UserId, &DeviceId, &str) {
    (name.user, name.device, name.id)
}

fn read(store: &Store, name: Name<'_>) -> Result<Option<Connection>, SyncError> {
    // Also what is not durable yet: the answer that goes with it is on its way.
    let view = store.written();
    let Some(row) = view.get(&schema::SLIDING_CONNECTIONS, key_of(name))? else { return Ok(None) };
    let rooms = view.scan(&schema::SLIDING_ROOMS, Scan::prefix(key_of(name)));
    let rooms: Vec<_> =
        rooms.map(|row| row.map(|((.., room), row)| (room, row))).collect::<Result<_, _>>()?;
    Connection::read(row, rooms.into_iter()).map(Some)
}

/// What a connection's being written leads to.
pub(crate) struct Written {
    /// The answer goes out when this is durable.
    pub commit: Commit,
    /// Other connections of the device that had to go.
    pub gone: Vec<String>,
}

/// Writes a connection, if an answer of it changed something or it was not written for long.
pub(super) fn write(
    store: &Store,
    name: Name<'_>,
    connection: &mut Connection,
    changed: bool,
    now_ms: u64,
) -> Result<Option<Written>, SyncError> {
    let is_new = connection.written == 0;
    if !changed && !is_new && connection.written.saturating_add(WRITE_EVERY_MS) > now_ms {
        return Ok(None);
    }
    let mut transaction = store.begin()?;
    let mut gone = Vec::new();
    if is_new {
        // What an earlier one of the same name was told is forgotten with it.
        transaction.delete_prefix(&schema::SLIDING_ROOMS, key_of(name))?;
        let mut others = Vec::new();
        for row in transaction.scan(&schema::SLIDING_CONNECTIONS, Scan::prefix((name.user, name.device))) {
            let ((.., id), row) = row?;
            others.extend((id != name.id).then_some((row.used, id)));
        }
        others.sort_unstable();
        let too_many = (others.len() + 1).saturating_sub(MAX_CONNECTIONS);
        gone.extend(others.into_iter().take(too_many).map(|(_, id)| id));
        for id in &gone {
            transaction.delete(&schema::SLIDING_CONNECTIONS, (name.user, name.device, id));
            transaction.delete_prefix(&schema::SLIDING_ROOMS, (name.user, name.device, id))?;
        }
    }
    let (row, rooms) = connection.write(now_ms);
    transaction.put(&schema::SLIDING_CONNECTIONS, key_of(name), &row);
    for (room, row) in rooms {
        let key = (name.user, name.device, name.id, room);
        match row {
            Some(row) => transaction.put(&schema::SLIDING_ROOMS, key, &row),
            None => transaction.delete(&schema::SLIDING_ROOMS, key),
        }
    }
    Ok(Some(Written { commit: transaction.submit(), gone }))
}
