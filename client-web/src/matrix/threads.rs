//! The threads of a room.

use async_stream::stream;
use futures::{Stream, StreamExt, pin_mut};
use hearth_client_state::timeline::Person;
use imbl::Vector;
use matrix_sdk_ui::timeline::thread_list_service::{
    ThreadListItem, ThreadListItemEvent, ThreadListPaginationState, ThreadListService,
};

use super::{OpenRoom, Problem, items, people};

/// A thread as an entry of their list.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadEntry {
    /// The event that it begins with.
    pub root: String,
    pub by: Person,
    pub text: String,
    pub replies: u32,
    /// Who wrote in it last, and what.
    pub latest: Option<(Person, String)>,
    /// When somebody wrote in it last, in milliseconds since 1970.
    pub at: i64,
}

/// The threads of a room, as far as they were fetched.
pub struct Threads {
    service: ThreadListService,
}

impl OpenRoom {
    pub fn threads(&self) -> Threads {
        Threads { service: ThreadListService::new(self.room.clone()) }
    }
}

impl Threads {
    /// Those that were fetched, where somebody wrote last first; again whenever one changes.
    pub fn entries(&self) -> impl Stream<Item = Vec<ThreadEntry>> + use<> {
        let (mut threads, changes) = self.service.subscribe_to_items_updates();
        stream! {
            pin_mut!(changes);
            yield entries(&threads);
            while let Some(batch) = changes.next().await {
                for change in batch {
                    change.apply(&mut threads);
                }
                yield entries(&threads);
            }
        }
    }

    /// Fetches some; false once there are no more.
    pub async fn more(&self) -> Result<bool, Problem> {
        self.service.paginate().await.map_err(|error| Problem::Other(error.to_string()))?;
        Ok(self.service.pagination_state() != ThreadListPaginationState::Idle { end_reached: true })
    }
}

fn entries(threads: &Vector<ThreadListItem>) -> Vec<ThreadEntry> {
    let mut entries: Vec<ThreadEntry> = threads.iter().map(entry).collect();
    entries.sort_by_key(|entry| -entry.at);
    entries
}

fn entry(thread: &ThreadListItem) -> ThreadEntry {
    let said = |event: &ThreadListItemEvent| {
        let text = event.content.as_ref().map(items::line).unwrap_or_default();
        (people::sender(&event.sender, &event.sender_profile), text)
    };
    let (by, text) = said(&thread.root_event);
    let last = thread.latest_event.as_ref().unwrap_or(&thread.root_event);
    ThreadEntry {
        root: thread.root_event.event_id.to_string(),
        by,
        text,
        replies: thread.num_replies,
        latest: thread.latest_event.as_ref().map(said),
        at: i64::from(last.timestamp.get()),
    }
}
