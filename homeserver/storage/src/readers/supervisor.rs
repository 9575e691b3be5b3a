//! Running a reader, again and again.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::sync::watch;

use super::{Health, Progress, ReadFrom, Reader, ReaderError};
use crate::{Behind, Follower, Position, Store, Told, caught::caught};

/// How long a reader that failed is left alone; it doubles with each failure until changes are taken in again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often is measured how far a reader is behind.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Supervisor {
    store: Store,
    name: String,
    from: ReadFrom,
    progress: Progress,
    stop: watch::Receiver<bool>,
    has_failed: bool,
    pause: Duration,
}

impl Supervisor {
    pub(super) fn new(
        store: Store,
        name: String,
        from: ReadFrom,
        progress: Progress,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { store, name, from, progress, stop, has_failed: false, pause: FIRST_PAUSE }
    }

    pub(super) async fn run<R: Reader>(self, open: impl FnMut(Position) -> Result<R, ReaderError> + Send) {
        // It is told as well that a reader never failed.
        metrics::counter!("hearth_reader_failures_total", "reader" => self.name.clone()).increment(0);
        let measured = measure(self.store.clone(), self.name.clone(), self.progress.clone());
        tokio::select! {
            biased;
            () = self.supervise(open) => {}
            () = measured => {}
        }
    }

    async fn supervise<R: Reader>(mut self, mut open: impl FnMut(Position) -> Result<R, ReaderError> + Send) {
        loop {
            let ended = caught(self.read(&mut open)).await;
            let name = &self.name;
            match (ended, self.store.is_stopped()) {
                (Ok(()), _) => break,
                // The end of every run; if it is a failure, the store has said so.
                (Err(_), Some(why)) => {
                    tracing::info!(name, why, "a reader stopped following the log");
                    break;
                }
                (Err(error), None) => {
                    tracing::error!(name, %error, "a reader of the log failed and begins anew")
                }
            }
            metrics::counter!("hearth_reader_failures_total", "reader" => name.clone()).increment(1);
            self.has_failed = true;
            self.progress.set_health(Health::Failing);
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => break,
                () = tokio::time::sleep(self.pause) => {}
            }
            self.pause = LONGEST_PAUSE.min(self.pause * 2);
        }
        self.progress.set_health(Health::Ended);
    }

    /// Reads until it fails or is stopped.
    async fn read<R: Reader>(
        &mut self,
        open: &mut (impl FnMut(Position) -> Result<R, ReaderError> + Send),
    ) -> Result<(), ReaderError> {
        let (mut follower, gap) = match self.from {
            ReadFrom::Cursor => (self.store.follow_durably(&self.name)?, None),
            ReadFrom::Position(after) if !self.has_failed => (self.store.follow(after), None),
            // What was not saved is lost with the reader that knew it.
            ReadFrom::Position(_) => {
                let gap = Behind { from: self.progress.done(), to: self.store.published() };
                (self.store.follow(gap.to), Some(gap))
            }
        };
        let mut reader = open(gap.map_or(follower.position(), |gap| gap.from))?;
        if let Some(gap) = gap {
            self.took(reader.catch_up(gap).await?, &follower);
        }
        loop {
            let (told, did) = tokio::select! {
                biased;
                () = stopped(&mut self.stop) => {
                    if let Some(done) = reader.finish().await {
                        self.done(done, &follower);
                    }
                    return Ok(());
                }
                happened = either(follower.next(), reader.meanwhile()) => happened,
            };
            if let Some(done) = did {
                self.done(done?, &follower);
            }
            match told.transpose()? {
                Some(Told::Changes(changes)) => {
                    self.took(reader.take(&changes).await?, &follower);
                    self.pause = FIRST_PAUSE;
                }
                Some(Told::Behind(gap)) => {
                    let (name, from, to) = (&self.name, gap.from, gap.to);
                    tracing::warn!(name, %from, %to, "a reader is so far behind that the log begins after it");
                    metrics::counter!("hearth_reader_behind_total", "reader" => name.clone()).increment(1);
                    self.took(reader.catch_up(gap).await?, &follower);
                }
                None => {}
            }
        }
    }

    /// The reader took something in.
    fn took(&self, done: Position, follower: &Follower) {
        self.done(done, follower);
        self.progress.set_health(Health::Running);
    }

    fn done(&self, position: Position, follower: &Follower) {
        follower.save(position);
        self.progress.advance(position);
    }
}

/// Returns when the reader is to end, also when nobody is left who could say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Tells for ever how far a reader is behind, also while it does something else or nothing.
async fn measure(store: Store, reader: String, progress: Progress) {
    loop {
        let lag = store.lag(progress.done());
        metrics::gauge!("hearth_reader_lag_changes", "reader" => reader.clone()).set(lag.changes as f64);
        metrics::gauge!("hearth_reader_lag_bytes", "reader" => reader.clone()).set(lag.bytes as f64);
        tokio::time::sleep(MEASURE_EVERY).await;
    }
}

/// Waits for one of two, and gives both if both are there: neither keeps the other waiting.
async fn either<A: Future, B: Future>(a: A, b: B) -> (Option<A::Output>, Option<B::Output>) {
    fn ready<T>(poll: Poll<T>) -> Option<T> {
        match poll {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| match (ready(a.as_mut().poll(context)), ready(b.as_mut().poll(context))) {
        (None, None) => Poll::Pending,
        outputs => Poll::Ready(outputs),
    })
    .await
}
