//! Writing: a batch, the changes it tells of, and what follows when it is durable.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use parking_lot::MutexGuard;
use tokio::sync::oneshot;

use super::{
    Scan, Shared, View,
    queue::{Pending, Publish},
};
use crate::{AsKey, AsPrefix, Batch, Change, Key, Keyspace, Position, StorageError, Value, schema};

/// Writes that happen together or not at all, and the order lock: while it lives no other transaction
/// begins. Dropped without [`submit`](Self::submit) it writes nothing and gives its positions back.
pub struct Transaction<'a> {
    shared: &'a Shared,
    /// The last position that was allocated before.
    order: MutexGuard<'a, Position>,
    /// The last position that is allocated with this.
    last: Position,
    batch: Batch,
    changes: Vec<(Position, Change)>,
    publish: Vec<Publish>,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(shared: &'a Shared) -> Result<Self, StorageError> {
        if let Some(reason) = &*shared.stopped.borrow() {
            return Err(StorageError::Stopped(reason.clone()));
        }
        if let Some(reason) = &*shared.failing.borrow() {
            return Err(StorageError::Failing(reason.clone()));
        }
        if shared.queue.bytes() >= shared.options.queue_bytes {
            return Err(StorageError::Busy);
        }
        let order = shared.order.lock();
        let last = *order;
        let batch = Batch::with_capacity(1024);
        Ok(Self { shared, order, last, batch, changes: Vec::new(), publish: Vec::new() })
    }

    /// Writes a change to the log, at the next position.
    pub fn append(&mut self, change: &Change) -> Position {
        let position = self.next_position();
        self.last = position;
        self.batch.put(&schema::LOG, (position,), change);
        self.changes.push((position, change.clone()));
        position
    }

    /// The position that the next [`append`](Self::append) will give.
    pub fn next_position(&self) -> Position {
        Position(self.last.0 + 1)
    }

    /// Sets a key's value.
    pub fn put<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>, value: &V) {
        self.batch.put(keyspace, key, value);
    }

    /// Deletes a key, whether it is there or not.
    pub fn delete<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>) {
        self.batch.delete(keyspace, key);
    }

    /// Deletes the keys that begin with these parts: those that are there now, not those that still wait to
    /// be written.
    pub fn delete_prefix<K: Key, V: Value>(
        &mut self,
        keyspace: &Keyspace<K, V>,
        prefix: impl AsPrefix<K>,
    ) -> Result<(), StorageError> {
        let view = View::latest(self.shared.engine.clone());
        view.visit_keys(keyspace, Scan::prefix(prefix), |key| self.batch.delete_raw(keyspace.raw, key))
    }

    /// Runs this when the transaction is durable: on the committer's thread, in the order of positions, before
    /// the acknowledgement and before [`Store::published`](super::Store::published) moves. It must be short,
    /// and is dropped if the write fails.
    pub fn on_durable(&mut self, publish: impl FnOnce() + Send + 'static) {
        self.publish.push(Box::new(publish));
    }

    /// Puts the transaction into the queue of what is written, and lets go of the order lock.
    pub fn submit(self) -> Commit {
        let Self { shared, mut order, last, batch, changes, publish } = self;
        let (acknowledge, acknowledged) = oneshot::channel();
        *order = last;
        // Under the order lock, so that the queue has the order of positions.
        shared.queue.push(Pending { batch, changes, last, publish, acknowledge });
        Commit { acknowledged }
    }
}

/// A commit under way. Resolves when it is durable, to the last position it was given, or to the last one
/// before it if it was given none. May be dropped: the write still happens.
///
/// # Errors
/// [`StorageError::Stopped`] if the write failed, or one before it. Whether the commit is on disk is then not
/// known until the next start.
pub struct Commit {
    acknowledged: oneshot::Receiver<Result<Position, StorageError>>,
}

impl Future for Commit {
    type Output = Result<Position, StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.acknowledged).poll(context));
        // The committer answers all it has taken, unless it panics.
        Poll::Ready(answer.unwrap_or_else(|_| Err(StorageError::Stopped("the committer failed".to_owned()))))
    }
}
