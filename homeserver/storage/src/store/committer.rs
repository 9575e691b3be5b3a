//! The one who writes: a thread of its own, or in a simulation a task.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    Durability, Shared,
    queue::{CLOSED, Pending, Taken},
};
use crate::{Batch, Engine, LogRow, StorageError};

/// How long cursors, and with [`Durability::Async`] commits, wait to be synced when nothing else does it.
const AT_REST: Duration = Duration::from_secs(1);

/// How long it waits before it tries a failed write again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes what comes until the store is closed or a write fails for good. Each group waits before
/// it is written for as long as `disk` says.
pub(super) async fn run(shared: Arc<Shared>, mut disk: impl FnMut() -> Duration) {
    let mut committer = Committer {
        shared: &shared,
        own: Batch::default(),
        unsynced: false,
        last_sync: Instant::now(),
        failure: Some("the committer failed".to_owned()),
    };
    let mut group = Vec::new();
    loop {
        let done = match shared.queue.take(&mut group, AT_REST).await {
            Taken::Group => {
                let wait = disk();
                if !wait.is_zero() {
                    sleep(wait).await;
                }
                committer.commit(&mut group).await
            }
            Taken::Nothing => committer.settle().await,
            Taken::Closed => break,
        };
        if let Err(error) = done {
            return committer.fail(group, &error);
        }
    }
    match committer.settle().await {
        Ok(()) => committer.failure = None,
        Err(error) => committer.fail(group, &error),
    }
}

struct Committer<'a> {
    shared: &'a Shared,
    /// What it writes itself: cursors, and the end of what is trimmed.
    own: Batch,
    /// Something was written that no sync has followed.
    unsynced: bool,
    last_sync: Instant,
    /// What is said to have gone wrong when it ends; `None` if nothing has.
    failure: Option<String>,
}

impl Committer<'_> {
    /// Writes a group as one, with one sync, and then tells everyone, in order.
    async fn commit(&mut self, group: &mut Vec<Pending>) -> Result<(), StorageError> {
        self.own.clear();
        self.shared.cursors.lock().write(&mut self.own);
        self.trim(group);
        let sync = match self.shared.options.durability {
            Durability::Sync => true,
            Durability::Async => self.last_sync.elapsed() >= AT_REST,
        };

        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        while !self.write(group.iter().map(|pending| &*pending.batch).chain([&self.own]), sync)? {
            self.rest(&mut pause).await?;
        }
        let ended = Instant::now();
        self.unsynced = !sync;
        if sync {
            self.last_sync = ended;
            metrics::histogram!("hearth_storage_sync_seconds").record(ended - started);
        }

        let bytes = group.iter().map(|pending| pending.bytes).sum();
        let (last, commit) = group.last().map(|pending| (pending.last, pending.commit)).unzip();
        self.shared.observers.tell(group);
        for pending in group.iter_mut() {
            // The engine has them now.
            self.shared.queued.remove(pending.commit, &pending.batch);
        }
        let rows =
            group.iter_mut().flat_map(|pending| LogRow::of_commit(pending.before, pending.changes.drain(..)));
        self.shared.recent.lock().extend(rows);
        if let Some(last) = last {
            self.shared.published.send_if_modified(|published| {
                debug_assert!(*published <= last, "positions are published in order");
                let moved = *published < last;
                *published = last;
                moved
            });
            metrics::gauge!("hearth_storage_position").set(last.0 as f64);
        }
        metrics::counter!("hearth_storage_commits_total").increment(group.len() as u64);
        metrics::histogram!("hearth_storage_group_commits").record(group.len() as f64);
        if let Some(commit) = commit {
            self.shared.durable.send_replace(commit);
        }
        for pending in group.drain(..) {
            // Nobody may be waiting for the answer.
            let _ = pending.acknowledge.send(Ok(pending.last));
        }
        self.shared.queue.written(bytes);
        metrics::gauge!("hearth_storage_queue_bytes").set(self.shared.queue.bytes() as f64);
        Ok(())
    }

    /// Writes, if it can be written at the moment: whether it was. Where it fails for want of something, such as room on
    /// the disk, it is to be tried again: part of it may be on the disk already, so those who wait for it go on waiting,
    /// and who comes later is refused.
    ///
    /// # Errors
    /// What failed for good.
    fn write<'b>(
        &self,
        batches: impl Iterator<Item = &'b Batch> + Clone,
        sync: bool,
    ) -> Result<bool, StorageError> {
        let (engine, failing) = (&self.shared.engine, &self.shared.failing);
        let error = match engine.apply(batches, sync) {
            Ok(()) => {
                if failing.send_replace(None).is_some() {
                    tracing::warn!("what could not be written is written");
                    metrics::gauge!("hearth_storage_failing").set(0.0);
                }
                return Ok(true);
            }
            Err(error @ StorageError::Engine(_)) => error,
            Err(error) => return Err(error),
        };
        if failing.send_replace(Some(error.to_string())).is_none() {
            tracing::error!(%error, "nothing can be written at the moment: it is tried again");
            metrics::gauge!("hearth_storage_failing").set(1.0);
        }
        match engine.recover() {
            Ok(()) => Ok(false),
            Err(error @ StorageError::Engine(_)) => {
                tracing::warn!(%error, "still nothing can be written");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits before a write is tried again, each time for longer.
    ///
    /// # Errors
    /// [`StorageError::Failing`] if the store is closed.
    async fn rest(&self, pause: &mut Duration) -> Result<(), StorageError> {
        if self.shared.queue.closes_within(*pause).await {
            let reason = self.shared.failing.borrow().clone().unwrap_or_default();
            return Err(StorageError::Failing(reason));
        }
        *pause = (2 * *pause).min(LONGEST_PAUSE);
        Ok(())
    }

    /// Writes the cursors that moved, and syncs what is not synced.
    async fn settle(&mut self) -> Result<(), StorageError> {
        self.own.clear();
        self.shared.cursors.lock().write(&mut self.own);
        if !self.own.is_empty() || self.unsynced {
            let mut pause = FIRST_PAUSE;
            // An empty batch brings to disk what was written before it.
            while !self.write([&self.own].into_iter(), true)? {
                self.rest(&mut pause).await?;
            }
        }
        self.unsynced = false;
        self.last_sync = Instant::now();
        Ok(())
    }

    /// Counts what a group adds to the log, and cuts off what the log need not or cannot keep.
    fn trim(&mut self, group: &[Pending]) {
        let options = &self.shared.options;
        // The cursors are those that this very write brings to disk.
        let slowest = self.shared.cursors.lock().slowest();
        let mut size = self.shared.log_size.lock();
        for pending in group {
            size.add(pending.last, &pending.batch, options, &mut self.own);
        }
        size.trim(self.shared.published(), slowest, options, &mut self.own);
    }

    /// A write failed for good. What is on disk of it is not known, so nothing may follow it: the next start finds out.
    fn fail(mut self, group: Vec<Pending>, error: &StorageError) {
        let (shared, reason) = (self.shared, error.to_string());
        self.failure = Some(reason.clone());
        // First the store stops, so that nobody who hears of the failure can begin anew.
        drop(self);
        for pending in group {
            shared.queue.written(pending.bytes);
            pending.refuse(&reason);
        }
    }
}

/// However the thread ends, also by a panic in what a commit publishes, the store then takes nothing more and
/// says why.
impl Drop for Committer<'_> {
    fn drop(&mut self) {
        let reason = match self.failure.take() {
            Some(failure) => {
                metrics::gauge!("hearth_storage_stopped").set(1.0);
                tracing::error!(
                    reason = failure,
                    "nothing more is written until the server is started again"
                );
                failure
            }
            None => CLOSED.to_owned(),
        };
        self.shared.stopped.send_replace(Some(reason.clone()));
        self.shared.queue.stop(&reason);
    }
}
