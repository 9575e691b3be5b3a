//! The search for messages: who follows the log for it, and how others ask it.

mod found;
mod index;
mod reader;
mod terms;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod writer;

use std::{path::PathBuf, sync::Arc, time::Duration};

use hearth_rooms::Rooms;
use hearth_storage::readers::{Health, Progress, ReadFrom, ReaderTask};
use parking_lot::Mutex;
use tantivy::Searcher;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

pub use self::{
    found::{Found, Hit, Order, Place, Scope, Statistics},
    terms::Terms,
    text::{Key, text_of},
    writer::LEAST_MEMORY,
};
use self::{
    index::Index,
    reader::{MessageReader, Searches},
};
use crate::SearchError;

/// The name of the reader.
const READER: &str = "search";

/// How many searches are computed at once.
const AT_ONCE: usize = 4;

/// How long a search waits until what was sent before it is in the index.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the search is set up.
pub struct SearchOptions {
    /// The folder of the index.
    pub folder: PathBuf,
    /// How much memory writing it may take; it takes no less than [`LEAST_MEMORY`].
    pub memory_bytes: usize,
}

/// Finds messages by their words. Cheap to clone; it ends with the last clone.
#[derive(Clone)]
pub struct Search {
    rooms: Rooms,
    index: Arc<Index>,
    searches: Searches,
    progress: Progress,
    places: Arc<Semaphore>,
    reading: Arc<Mutex<Option<ReaderTask>>>,
}

/// A search under way, in what was there when it began.
pub struct Searching {
    index: Arc<Index>,
    searcher: Searcher,
    _place: Option<OwnedSemaphorePermit>,
}

impl Search {
    /// Opens the index and begins to follow the log. To be called within a tokio runtime.
    pub fn start(rooms: Rooms, options: SearchOptions) -> Result<Self, SearchError> {
        let SearchOptions { folder, memory_bytes } = options;
        let store = rooms.store().clone();
        let index = Arc::new(Index::open(&folder, store.published())?);
        let searches = Searches::default();
        let progress = Progress::default();
        let reading = {
            let (rooms, index, searches) = (rooms.clone(), index.clone(), searches.clone());
            store.start_reader(READER, ReadFrom::Cursor, progress.clone(), move |after| {
                let searches = searches.clone();
                Ok(MessageReader::open(rooms.clone(), index.clone(), memory_bytes, searches, after)?)
            })
        };
        let (places, reading) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Mutex::new(Some(reading))));
        Ok(Self { rooms, index, searches, progress, places, reading })
    }

    /// Says that the log is not followed any more, so that it need not be kept.
    pub fn turn_off(rooms: &Rooms) {
        rooms.store().forget_reader(READER);
    }

    /// Writes what is not written yet, and ends.
    pub async fn stop(&self) {
        let reading = self.reading.lock().take();
        if let Some(reading) = reading {
            reading.stop().await;
        }
    }

    /// Returns when the index has all that was said before it was there.
    pub async fn complete(&self) {
        // The reader tells of it as long as this is there.
        let _ = self.searches.complete.subscribe().wait_for(|complete| *complete).await;
    }

    /// Begins a search in all that is published now, when it has its turn. Where the index is far behind, it searches what
    /// is there.
    pub async fn begin(&self) -> Searching {
        if self.progress.health() == Health::Running {
            self.catch_up().await;
        }
        // It is never closed.
        let place = self.places.clone().acquire_owned().await.ok();
        Searching { index: self.index.clone(), searcher: self.index.searcher(), _place: place }
    }

    /// Has what is published now indexed.
    async fn catch_up(&self) {
        let published = self.rooms.store().published();
        self.searches.wanted.send_if_modified(|wanted| {
            let is_later = *wanted < published;
            *wanted = published.max(*wanted);
            is_later
        });
        let mut found = self.searches.found.subscribe();
        if timeout(PATIENCE, found.wait_for(|found| *found >= published)).await.is_err() {
            tracing::debug!("a search does not wait for the index any longer");
        }
    }
}
