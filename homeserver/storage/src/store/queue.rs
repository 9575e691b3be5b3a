//! What waits to be written.

use std::{
    mem,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{Batch, Change, Position, StorageError};

/// Why a store that nothing happened to takes no more commits.
pub(super) const CLOSED: &str = "the store is closed";

/// What runs when a commit is durable.
pub(super) type Publish = Box<dyn FnOnce() + Send>;

/// A commit that waits to be written.
pub(super) struct Pending {
    pub(super) batch: Batch,
    pub(super) changes: Vec<(Position, Change)>,
    /// What the commit is acknowledged with.
    pub(super) last: Position,
    pub(super) publish: Vec<Publish>,
    pub(super) acknowledge: oneshot::Sender<Result<Position, StorageError>>,
}

impl Pending {
    /// What it takes in memory, about.
    pub(super) fn size(&self) -> usize {
        mem::size_of::<Self>() + self.batch.size() + self.changes.len() * mem::size_of::<(Position, Change)>()
    }

    pub(super) fn refuse(self, reason: &str) {
        // Nobody may be waiting for the answer.
        let _ = self.acknowledge.send(Err(StorageError::Stopped(reason.to_owned())));
    }
}

/// What the committer finds.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// Commits to write.
    Group,
    /// Nothing, for as long as it wanted to wait.
    Nothing,
    /// Nothing, and nothing will come.
    Closed,
}

/// Commits in the order of their positions. Holds its own lock only to move them in or out.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    /// Bytes of what waits and of what is being written.
    bytes: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Pending>,
    /// The committer sleeps and must be woken.
    asleep: bool,
    /// Why nothing more is taken.
    closed: Option<String>,
}

impl Queue {
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, pending: Pending) {
        let mut state = self.state.lock();
        if let Some(reason) = &state.closed {
            return pending.refuse(reason);
        }
        self.bytes.fetch_add(pending.size(), Ordering::Relaxed);
        state.waiting.push(pending);
        // The committer is seldom asleep under load: then nobody is woken here.
        let wake = mem::take(&mut state.asleep);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
    }

    /// Moves all that waits into `group`, which is empty; waits for this long if nothing does.
    pub(super) fn take(&self, group: &mut Vec<Pending>, at_most: Duration) -> Taken {
        let mut state = self.state.lock();
        if state.waiting.is_empty() && state.closed.is_none() {
            state.asleep = true;
            self.filled.wait_for(&mut state, at_most);
            state.asleep = false;
        }
        if !state.waiting.is_empty() {
            mem::swap(&mut state.waiting, group);
            Taken::Group
        } else if state.closed.is_some() {
            Taken::Closed
        } else {
            Taken::Nothing
        }
    }

    /// What was taken is written: its bytes are free.
    pub(super) fn written(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes nothing more; what waits is still written.
    pub(super) fn close(&self) {
        self.state.lock().closed.get_or_insert_with(|| CLOSED.to_owned());
        self.filled.notify_one();
    }

    /// Takes nothing more, and refuses what waits.
    pub(super) fn stop(&self, reason: &str) {
        let waiting = {
            let mut state = self.state.lock();
            state.closed = Some(reason.to_owned());
            mem::take(&mut state.waiting)
        };
        for pending in waiting {
            self.bytes.fetch_sub(pending.size(), Ordering::Relaxed);
            pending.refuse(reason);
        }
    }
}
