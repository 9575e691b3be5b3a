//! The files and links of a room, the newest first.

use std::cell::{Cell, RefCell};

use hearth_client_state::{
    rich::first_link,
    timeline::{Content, Person},
};
use matrix_sdk::{
    Room,
    room::MessagesOptions,
    ruma::{
        UInt,
        api::client::filter::{RoomEventFilter, UrlFilter},
        assign,
    },
};
use matrix_sdk_ui::timeline::TimelineItemContent;

use super::{OpenRoom, Problem, items, people};

/// So many messages are looked through with one request.
const PAGE: u32 = 100;
/// So many requests are made at most before what was found is shown.
const MOST_PAGES: usize = 5;
/// So many are enough to fill what is seen.
const ENOUGH: usize = 18;

/// What is looked for in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Files,
    Links,
}

/// A message with a file or a link.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedFile {
    pub event: String,
    pub by: Person,
    /// Milliseconds since 1970.
    pub at: i64,
    pub what: Content,
}

/// The files or the links of a room, as far back as somebody asked for them.
pub struct SharedFiles {
    room: Room,
    kept: Kept,
    before: RefCell<Option<String>>,
    is_whole: Cell<bool>,
}

impl OpenRoom {
    pub fn shared_files(&self, kept: Kept) -> SharedFiles {
        SharedFiles { room: self.room.clone(), kept, before: RefCell::new(None), is_whole: Cell::new(false) }
    }
}

impl SharedFiles {
    /// Whether the room has no earlier ones.
    pub fn is_whole(&self) -> bool {
        self.is_whole.get()
    }

    /// Looks further back, until enough were found or it took long enough; what the keys at hand do not open is not seen.
    pub async fn more(&self) -> Result<Vec<SharedFile>, Problem> {
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            if self.is_whole.get() || found.len() >= ENOUGH {
                break;
            }
            let mut options = MessagesOptions::backward();
            options.from = self.before.borrow().clone();
            options.limit = UInt::from(PAGE);
            options.filter = self.filter();
            let page = self.room.messages(options).await?;
            self.is_whole.set(page.end.is_none());
            self.before.replace(page.end);
            for event in page.chunk {
                found.extend(self.read(event).await);
            }
        }
        Ok(found)
    }

    /// The server knows which messages have a file where it can read them.
    fn filter(&self) -> RoomEventFilter {
        let is_readable = !self.room.encryption_state().is_encrypted();
        assign!(RoomEventFilter::default(), {
            types: is_readable.then(|| vec!["m.room.message".to_owned()]),
            url_filter: (is_readable && self.kept == Kept::Files).then_some(UrlFilter::EventsWithUrl),
        })
    }

    async fn read(&self, event: matrix_sdk::deserialized_responses::TimelineEvent) -> Option<SharedFile> {
        let (id, sender) = (event.event_id()?.to_owned(), event.sender()?);
        let raw = event.raw();
        let at: i64 = raw.get_field("origin_server_ts").ok()??;
        let relation: Option<serde_json::Value> = raw
            .get_field::<serde_json::Value>("content")
            .ok()?
            .and_then(|content| content.get("m.relates_to").cloned());
        // An edit says again what stands in the message that it edits.
        if relation.is_some_and(|relation| relation["rel_type"] == "m.replace") {
            return None;
        }
        let content = TimelineItemContent::from_event(&self.room, event).await?;
        let what = items::message(&content)?;
        let is_kept = match (&what, self.kept) {
            (Content::Picture(_) | Content::Video(_) | Content::Sound(_) | Content::File(_), Kept::Files) => {
                true
            }
            (Content::Text { text, .. }, Kept::Links) => first_link(text).is_some(),
            _ => false,
        };
        if !is_kept {
            return None;
        }
        let by = people::known(&self.room, &sender).await;
        Some(SharedFile { event: id.to_string(), by, at, what })
    }
}
