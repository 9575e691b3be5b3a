//! Readers: whatever follows the log, and the one way in which it is run.
//!
//! A [`Reader`] says what it does with the changes it is told, and how it catches up from indexes when the log does
//! not have them any more. [`Store::start_reader`] runs it: what fails or panics is begun anew after a pause, from
//! where it was done, and nobody waits for it. [`Progress`] tells how far it came, and whether it fails.

mod progress;
mod supervisor;

use std::{error::Error, future::Future};

use tokio::{sync::watch, task::JoinHandle};

pub use self::progress::{Health, Progress, Unreached};
use crate::{Behind, Change, Position, Store};

/// Why a reader failed, for the log of the server.
pub type ReaderError = Box<dyn Error + Send + Sync>;

/// What follows the log. It lives until it fails: then another one takes its place.
pub trait Reader: Send + 'static {
    /// Takes in changes, in order; the last of them ends a commit. Gives up to where the reader is done: what comes
    /// later is told again after a restart.
    fn take(
        &mut self,
        changes: &[(Position, Change)],
    ) -> impl Future<Output = Result<Position, ReaderError>> + Send;

    /// Learns from indexes what it missed, as the log does not have it any more; what follows the gap is told. Gives up
    /// to where the reader is done.
    fn catch_up(&mut self, gap: Behind) -> impl Future<Output = Result<Position, ReaderError>> + Send;

    /// What it does between changes, and up to where it is done then. The future is dropped whenever there are changes:
    /// nothing may be lost by that.
    fn meanwhile(&mut self) -> impl Future<Output = Result<Position, ReaderError>> + Send {
        std::future::pending()
    }

    /// Ends its work, and gives up to where it is done.
    fn finish(&mut self) -> impl Future<Output = Option<Position>> + Send {
        std::future::ready(None)
    }
}

/// From where a reader follows the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadFrom {
    /// From its cursor, which is saved and outlives the server. A new reader begins with what is committed from now on.
    Cursor,
    /// From behind this position. Nothing is saved: after a failure it has to catch up.
    Position(Position),
}

/// A reader that runs. Dropped, it is ended at once.
pub struct ReaderTask {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ReaderTask {
    /// Lets the reader finish, and returns when it has.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a reader of the log ended badly");
        }
    }
}

impl Drop for ReaderTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Store {
    /// Runs a reader until it is stopped or the store is closed. `open` makes one that is told what comes after a
    /// position, at the start and after each failure. To be called within a tokio runtime.
    pub fn start_reader<R: Reader>(
        &self,
        name: &str,
        from: ReadFrom,
        progress: Progress,
        open: impl FnMut(Position) -> Result<R, ReaderError> + Send + 'static,
    ) -> ReaderTask {
        let after = match from {
            // A new reader is noted here and now. If the store does not take that, the supervisor tries it again.
            ReadFrom::Cursor => {
                self.follow_durably(name).map_or(self.published(), |reader| reader.position())
            }
            ReadFrom::Position(after) => after,
        };
        progress.begin(after);
        let (stop, stopped) = watch::channel(false);
        let supervisor = supervisor::Supervisor::new(self.clone(), name.to_owned(), from, progress, stopped);
        ReaderTask { stop, task: tokio::spawn(supervisor.run(open)) }
    }
}
