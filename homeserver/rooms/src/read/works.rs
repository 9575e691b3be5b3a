//! What administrators asked for and takes a while.

use hearth_storage::{
    Scan,
    schema::{self, rooms::WorkRow},
};

use crate::{RoomError, read::rooms::Rooms};

impl Rooms {
    /// All of it that is under way, and what was done within the last week.
    pub fn works(&self) -> Result<Vec<(String, WorkRow)>, RoomError> {
        let rows = self.shared.view.scan(&schema::WORKS, Scan::all());
        Ok(rows.map(|row| row.map(|((id,), row)| (id, row))).collect::<Result<_, _>>()?)
    }

    /// One of them.
    pub fn work(&self, id: &str) -> Result<Option<WorkRow>, RoomError> {
        Ok(self.shared.view.get(&schema::WORKS, (id,))?)
    }
}
