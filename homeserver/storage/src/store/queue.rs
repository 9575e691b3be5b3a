//! What waits to be written.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout_at},
};

use crate::{Batch, Change, Position, StorageError};

/// Why a store that nothing happened to takes no more commits.
pub(super) const CLOSED: &str = "the store is closed";

/// A commit that waits to be written.
pub(super) struct Pending {
    /// Its number: commits are numbered in their order.
    pub(super) commit: u64,
    pub(super) batch: Arc<Batch>,
    pub(super) changes: Vec<Change>,
    /// The last position before it.
    pub(super) before: Position,
    /// Its last position, or the last one before it if it has none.
    pub(super) last: Position,
    /// What it takes in memory, about, its rows in [`Queued`](super::queued::Queued) included.
    pub(super) bytes: usize,
    pub(super) acknowledge: oneshot::Sender<Result<Position, StorageError>>,
}

impl Pending {
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
    /// Wakes the committer.
    filled: Notify,
    /// Bytes of what waits and of what is being written.
    bytes: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Pending>,
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
        self.bytes.fetch_add(pending.bytes, Ordering::Relaxed);
        state.waiting.push(pending);
        drop(state);
        // The committer is seldom asleep under load: then this wakes nobody.
        self.filled.notify_one();
    }

    /// Moves all that waits into `group`, which is empty; waits for this long if nothing does.
    pub(super) async fn take(&self, group: &mut Vec<Pending>, at_most: Duration) -> Taken {
        let until = Instant::now() + at_most;
        loop {
            match self.try_take(group) {
                Taken::Nothing if timeout_at(until, self.filled.notified()).await.is_ok() => {}
                taken => return taken,
            }
        }
    }

    fn try_take(&self, group: &mut Vec<Pending>) -> Taken {
        let mut state = self.state.lock();
        if !state.waiting.is_empty() {
            mem::swap(&mut state.waiting, group);
            Taken::Group
        } else if state.closed.is_some() {
            Taken::Closed
        } else {
            Taken::Nothing
        }
    }

    /// Waits for this long, or until it is closed: whether it is.
    pub(super) async fn closes_within(&self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        loop {
            if self.state.lock().closed.is_some() {
                return true;
            }
            if timeout_at(until, self.filled.notified()).await.is_err() {
                return false;
            }
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
            self.bytes.fetch_sub(pending.bytes, Ordering::Relaxed);
            pending.refuse(reason);
        }
    }
}
