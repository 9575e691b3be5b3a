//! Following the log.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Scan, Shared, View};
use crate::{Change, Position, StorageError, schema};

/// The most changes that are given at once.
const AT_ONCE: usize = 1024;

/// A reader of the log: it is told of every published change once, in order.
pub struct Follower {
    shared: Arc<Shared>,
    /// The name of its cursor, if it has one.
    name: Option<String>,
    /// What it was told last.
    told: Position,
    published: watch::Receiver<Position>,
    stopped: watch::Receiver<Option<String>>,
}

impl Follower {
    pub(super) fn new(shared: Arc<Shared>, name: Option<String>, after: Position) -> Self {
        let (published, stopped) = (shared.published.subscribe(), shared.stopped.subscribe());
        Self { shared, name, told: after, published, stopped }
    }

    /// The last position it was told of: the next change comes from behind it.
    pub fn position(&self) -> Position {
        self.told
    }

    /// The next changes, at least one, as soon as there are any. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// [`StorageError::Stopped`] after the last change that will ever be published here;
    /// [`StorageError::Corrupt`] if the log was trimmed: a reader without a cursor began too far back, or
    /// fell behind by more than the log keeps.
    pub async fn next(&mut self) -> Result<Vec<(Position, Change)>, StorageError> {
        loop {
            // First whether it stopped: nothing is published after that.
            let stopped = self.stopped.borrow_and_update().clone();
            let published = *self.published.borrow_and_update();
            if self.told < published {
                let changes = self.read(published)?;
                if let Some((position, _)) = changes.last() {
                    self.told = *position;
                }
                return Ok(changes);
            }
            if let Some(reason) = stopped {
                return Err(StorageError::Stopped(reason));
            }
            // The senders live as long as `shared`.
            tokio::select! {
                biased;
                _ = self.published.changed() => {}
                _ = self.stopped.changed() => {}
            }
        }
    }

    /// Says that everything up to here was dealt with, and need not be told again after a restart. Written
    /// with the next commit, within a second, or when the store is closed. Without a cursor it does nothing.
    pub fn save(&self, position: Position) {
        debug_assert!(position <= self.told, "a reader cannot have dealt with what it was not told");
        if let Some(name) = &self.name {
            self.shared.cursors.lock().advance(name, position);
        }
    }

    fn read(&self, published: Position) -> Result<Vec<(Position, Change)>, StorageError> {
        if let Some(changes) = self.shared.recent.lock().between(self.told, published, AT_ONCE) {
            return Ok(changes);
        }
        let view = View::latest(self.shared.engine.clone());
        let range = Scan::all().after((self.told,)).through((published,));
        let changes = view
            .scan(&schema::LOG, range)
            .take(AT_ONCE)
            .map(|row| row.map(|((position,), change)| (position, change)))
            .collect::<Result<Vec<_>, _>>()?;
        match changes.first() {
            Some((first, _)) if first.0 == self.told.0 + 1 => Ok(changes),
            _ => Err(StorageError::corrupt(format!("the log no longer has what follows {}", self.told))),
        }
    }
}
