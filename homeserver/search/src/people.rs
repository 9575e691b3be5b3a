//! The user directory: who there is, by name and id (client-server API, "User Directory").
//!
//! - `people/reader.rs` follows the log and keeps the words of all names and ids in `PEOPLE_BY_WORD`.
//! - `people/person.rs` says how a user is called, and by which words they are found.
//! - `people/finding.rs` finds those who have all words, the best first.
//!
//! Of users of other servers it knows those who are in rooms here, by the name that they have in one of them.

mod finding;
mod listing;
mod person;
mod reader;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use hearth_rooms::Rooms;
use hearth_storage::readers::{Progress, ReadFrom, ReaderTask};
use hearth_users::Users;
use tokio::time::timeout;

use self::reader::PeopleReader;
pub use self::{finding::FoundPeople, person::Person};

/// The name of the reader.
const READER: &str = "user_directory";

/// How long somebody who looks for others waits until what was before is in the directory.
const PATIENCE: Duration = Duration::from_secs(10);

/// The user directory. Cheap to clone; it ends with the last clone.
#[derive(Clone)]
pub struct People {
    rooms: Rooms,
    progress: Progress,
    _reading: Arc<ReaderTask>,
}

impl People {
    /// Begins to follow the log. To be called within a tokio runtime.
    pub fn start(rooms: Rooms, users: Users) -> Self {
        let progress = Progress::default();
        let reading = {
            let (rooms, store) = (rooms.clone(), rooms.store().clone());
            let open = move |after| Ok(PeopleReader::open(rooms.clone(), users.clone(), after)?);
            store.start_reader(READER, ReadFrom::Cursor, progress.clone(), open)
        };
        Self { rooms, progress, _reading: Arc::new(reading) }
    }

    /// Returns when what is published now is in the directory, or cannot be expected to be soon.
    pub async fn caught_up(&self) {
        let published = self.rooms.store().published();
        if !matches!(timeout(PATIENCE, self.progress.reached(published)).await, Ok(Ok(()))) {
            tracing::debug!("the user directory is behind");
        }
    }
}
