//! One writer per user at a time.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use ruma::UserId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How many locks there are; users share them by hash, so that memory is bounded.
const SHARDS: usize = 1024;

/// Locks by user id.
pub(crate) struct UserLocks {
    shards: Box<[Arc<Mutex<()>>]>,
}

/// The right to write what belongs to the locked users, until the commit is queued.
pub(crate) struct UserGuard {
    _held: Vec<OwnedMutexGuard<()>>,
}

impl UserLocks {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Arc::default()).collect() }
    }

    /// Waits for one user.
    pub(crate) async fn lock(&self, user: &UserId) -> UserGuard {
        UserGuard { _held: vec![self.shards[shard(user)].clone().lock_owned().await] }
    }

    /// Takes the lock of a user if nobody has it.
    pub(crate) fn try_lock(&self, user: &UserId) -> Option<UserGuard> {
        let held = self.shards[shard(user)].clone().try_lock_owned().ok()?;
        Some(UserGuard { _held: vec![held] })
    }

    /// Waits for several users.
    pub(crate) async fn lock_all(&self, users: impl Iterator<Item = &UserId>) -> UserGuard {
        // Always in the order of the shards, so that two that want the same users cannot wait for each other.
        let wanted: BTreeSet<usize> = users.map(shard).collect();
        let mut held = Vec::with_capacity(wanted.len());
        for shard in wanted {
            held.push(self.shards[shard].clone().lock_owned().await);
        }
        UserGuard { _held: held }
    }
}

fn shard(user: &UserId) -> usize {
    // The same for each run, so that a simulation repeats itself.
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    hasher.finish() as usize % SHARDS
}
