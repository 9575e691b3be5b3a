//! How far the durable readers have come.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scan, View};
use crate::{Batch, Position, StorageError, schema};

/// The cursors of all durable readers, those that are not following at the moment among them.
pub(super) struct Cursors {
    readers: BTreeMap<String, Cursor>,
    /// Whose rows are still to be deleted.
    removed: BTreeSet<String>,
}

struct Cursor {
    position: Position,
    /// It moved since it was last written.
    moved: bool,
}

impl Cursors {
    pub(super) fn read(view: &View) -> Result<Self, StorageError> {
        let readers = view
            .scan(&schema::CURSORS, Scan::all())
            .map(|row| row.map(|((name,), position)| (name, Cursor { position, moved: false })))
            .collect::<Result<_, _>>()?;
        Ok(Self { readers, removed: BTreeSet::new() })
    }

    pub(super) fn get(&self, name: &str) -> Option<Position> {
        self.readers.get(name).map(|cursor| cursor.position)
    }

    /// A new reader, whose first cursor is written by whoever calls this.
    pub(super) fn register(&mut self, name: &str, position: Position) {
        self.readers.insert(name.to_owned(), Cursor { position, moved: false });
        self.removed.remove(name);
    }

    /// A reader that will not come again.
    pub(super) fn remove(&mut self, name: &str) {
        if self.readers.remove(name).is_some() {
            self.removed.insert(name.to_owned());
        }
    }

    /// Moves a reader's cursor forward.
    pub(super) fn advance(&mut self, name: &str, position: Position) {
        if let Some(cursor) = self.readers.get_mut(name)
            && cursor.position < position
        {
            *cursor = Cursor { position, moved: true };
        }
    }

    /// Adds the cursors that moved or are gone to a batch that is about to be written.
    pub(super) fn write(&mut self, batch: &mut Batch) {
        for (name, cursor) in &mut self.readers {
            if std::mem::take(&mut cursor.moved) {
                batch.put(&schema::CURSORS, (name,), &cursor.position);
            }
        }
        for name in std::mem::take(&mut self.removed) {
            batch.delete(&schema::CURSORS, (name,));
        }
    }

    /// What every reader has read; `None` if there is no reader.
    pub(super) fn slowest(&self) -> Option<Position> {
        self.readers.values().map(|cursor| cursor.position).min()
    }
}
