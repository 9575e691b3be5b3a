//! Following the log.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Scan, Shared, View};
use crate::{Change, Position, StorageError, schema};

/// So many changes are told at once, and the rest of the last one's commit.
const AT_ONCE: usize = 1024;

/// What a follower is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// The next changes, at least one; the last of them ends a commit.
    Changes(Vec<(Position, Change)>),
    /// It was too slow.
    Behind(Behind),
}

/// Changes that a reader was not told of and that are not in the log any more: those after `from`, up to `to`. What
/// they changed is readable, and nothing before `to` will be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behind {
    pub from: Position,
    pub to: Position,
}

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

    /// What comes next, as soon as there is something. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// [`StorageError::Stopped`] after the last change that will ever be published here.
    pub async fn next(&mut self) -> Result<Told, StorageError> {
        loop {
            // First whether it stopped: nothing is published after that.
            let stopped = self.stopped.borrow_and_update().clone();
            let published = *self.published.borrow_and_update();
            if self.told < published {
                let told = self.read(published)?;
                self.told = match &told {
                    Told::Changes(changes) => changes.last().map_or(self.told, |(position, _)| *position),
                    Told::Behind(gap) => gap.to,
                };
                return Ok(told);
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

    fn read(&self, published: Position) -> Result<Told, StorageError> {
        if let Some(changes) = self.shared.recent.lock().between(self.told, published, AT_ONCE) {
            return Ok(Told::Changes(changes));
        }
        let view = View::latest(self.shared.engine.clone());
        let rows = view.scan(&schema::LOG, Scan::all().after((self.told,)).through((published,)));
        let changes = whole_commits(rows, AT_ONCE, |row| row.as_ref().is_ok_and(|(_, row)| row.goes_on))
            .map(|row| row.map(|((position,), row)| (position, row.change)))
            .collect::<Result<Vec<_>, _>>()?;
        if changes.first().is_some_and(|(first, _)| *first == self.told.next()) {
            Ok(Told::Changes(changes))
        } else if self.told < self.shared.log_size.lock().trimmed() {
            Ok(Told::Behind(Behind { from: self.told, to: published }))
        } else {
            Err(StorageError::corrupt(format!("the log does not have what follows {}", self.told)))
        }
    }
}

/// The first rows of a log: at least so many, if there are, up to the end of a commit.
pub(super) fn whole_commits<T>(
    rows: impl Iterator<Item = T>,
    at_least: usize,
    goes_on: impl Fn(&T) -> bool,
) -> impl Iterator<Item = T> {
    let (mut count, mut within) = (0, true);
    rows.take_while(move |row| {
        if count >= at_least && !within {
            return false;
        }
        count += 1;
        within = goes_on(row);
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn what_is_told_ends_with_a_commit() {
        // Commits of two changes, three and one; each change with whether its commit goes on.
        let log = [(1, true), (2, false), (3, true), (4, true), (5, false), (6, false)];
        for (at_least, told) in [(1, 2), (2, 2), (3, 5), (5, 5), (6, 6), (9, 6)] {
            assert_eq!(whole_commits(log.iter(), at_least, |(_, goes_on)| *goes_on).count(), told);
        }
    }
}
