//! Writing: a batch, and the changes it tells of.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use tokio::sync::oneshot;

use super::{Scan, Shared, View, draft::Draft, queue::Pending};
use crate::{AsKey, AsPrefix, Change, Key, Keyspace, LogRow, Position, StorageError, Value, schema};

/// Writes that happen together or not at all. It reads, as a [`View`], what it has written itself, in front of
/// what is queued and what is durable. Dropped without [`submit`](Self::submit) it writes nothing.
///
/// It holds no lock: whoever reads in order to write keeps others from writing the same, by a lock of a room or a
/// user. Its positions are *provisional* until it is submitted: they come after all others, can be written in
/// keys and rows, and become real there by themselves. What is kept of them elsewhere is
/// [settled](Position::settled) by [`Commit::before`].
pub struct Transaction {
    shared: Arc<Shared>,
    view: View,
    changes: Vec<Change>,
}

/// What a change that waits takes, about, with the ids it names.
const CHANGE_BYTES: usize = size_of::<Change>() + 64;

impl Deref for Transaction {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

impl Transaction {
    pub(super) fn begin(shared: &Arc<Shared>) -> Result<Self, StorageError> {
        if let Some(reason) = &*shared.stopped.borrow() {
            return Err(StorageError::Stopped(reason.clone()));
        }
        if let Some(reason) = &*shared.failing.borrow() {
            return Err(StorageError::Failing(reason.clone()));
        }
        if shared.queue.bytes() >= shared.options.queue_bytes {
            return Err(StorageError::Busy);
        }
        let view = View::written(shared.engine.clone(), shared.queued.clone(), Draft::with_capacity(1024));
        Ok(Self { shared: shared.clone(), view, changes: Vec::new() })
    }

    /// Writes a change to the log, at the next position, which is provisional.
    pub fn append(&mut self, change: &Change) -> Position {
        let position = self.next_position();
        self.changes.push(change.clone());
        position
    }

    /// The position that the next [`append`](Self::append) will give.
    pub fn next_position(&self) -> Position {
        Position::provisional(self.changes.len() as u64 + 1)
    }

    /// Sets a key's value.
    pub fn put<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>, value: &V) {
        self.view.draft.put(keyspace, key, value);
    }

    /// Deletes a key, whether it is there or not.
    pub fn delete<K: Key, V: Value>(&mut self, keyspace: &Keyspace<K, V>, key: impl AsKey<K>) {
        self.view.draft.delete(keyspace, key);
    }

    /// Deletes the keys that begin with these parts and are there now.
    pub fn delete_prefix<K: Key, V: Value>(
        &mut self,
        keyspace: &Keyspace<K, V>,
        prefix: impl AsPrefix<K>,
    ) -> Result<(), StorageError> {
        let mut keys = Vec::new();
        self.view.visit_keys(keyspace, Scan::prefix(prefix), |key| keys.push(key.to_vec()))?;
        for key in keys {
            self.view.draft.delete_raw(keyspace.raw, &key);
        }
        Ok(())
    }

    /// Puts the transaction into the queue of what is written. From then on every writer sees it.
    pub fn submit(self) -> Commit {
        let Self { shared, mut view, changes } = self;
        for (position, row) in LogRow::of_commit(Position::provisional(0), changes.iter().cloned()) {
            view.draft.put(&schema::LOG, (position,), &row);
        }
        let (acknowledge, acknowledged) = oneshot::channel();
        let bytes = size_of::<Pending>() + view.draft.bytes() + changes.len() * CHANGE_BYTES;
        // Only what needs the order of positions happens under this lock.
        let mut order = shared.order.lock();
        let before = *order;
        let last = Position(before.0 + changes.len() as u64);
        *order = last;
        let commit = shared.submitted.load(Ordering::SeqCst) + 1;
        let batch = Arc::new(view.draft.settle(before));
        shared.queued.add(commit, &batch);
        shared.submitted.store(commit, Ordering::SeqCst);
        shared.queue.push(Pending { commit, batch, changes, before, last, bytes, acknowledge });
        drop(order);
        Commit { number: commit, before, acknowledged, _span: tracing::debug_span!("commit") }
    }
}

/// A commit under way. Resolves when it is durable, to the last position it was given, or to the last one
/// before it if it was given none. May be dropped: the write still happens.
///
/// # Errors
/// [`StorageError::Stopped`] if the write failed, or one before it. Whether the commit is on disk is then not
/// known until the next start.
pub struct Commit {
    number: u64,
    before: Position,
    acknowledged: oneshot::Receiver<Result<Position, StorageError>>,
    /// For traces: it ends when nobody waits any more.
    _span: tracing::Span,
}

impl Commit {
    /// Commits are numbered in their order.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The last position before this commit: by it the provisional ones of its transaction are
    /// [settled](Position::settled).
    pub fn before(&self) -> Position {
        self.before
    }
}

impl Future for Commit {
    type Output = Result<Position, StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.acknowledged).poll(context));
        // The committer answers all it has taken, unless it panics.
        Poll::Ready(answer.unwrap_or_else(|_| Err(StorageError::Stopped("the committer failed".to_owned()))))
    }
}
