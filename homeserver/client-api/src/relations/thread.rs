//! Which thread an event is in.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use ruma::{EventId, OwnedEventId};
use serde::Deserialize;

use crate::Result;

/// Over how many relations a thread is looked for: as many as the specification recommends.
const HOPS: usize = 3;

/// Where an event stands among the threads of its room ("Threaded read receipts").
pub(crate) struct Place {
    /// The root of the thread that the event is in; `None` for the main timeline.
    pub(crate) thread: Option<OwnedEventId>,
    /// What the event relates to in the end, where it is in no thread: itself, if to nothing.
    top: OwnedEventId,
}

/// How an event relates to another, and to which.
#[derive(Deserialize)]
pub(crate) struct RelatesTo {
    pub(crate) rel_type: String,
    event_id: OwnedEventId,
}

impl RelatesTo {
    /// Whether it makes an event part of the thread with this root.
    pub(crate) fn is_of_thread(&self, root: &EventId) -> bool {
        self.rel_type == "m.thread" && self.event_id == root
    }
}

impl Place {
    /// Follows the relations of an event.
    pub(crate) fn of(room: &Room, event: &Arc<Event>) -> Result<Self> {
        let mut top = event.id().to_owned();
        let mut relation = relates_to(event);
        for _ in 0..=HOPS {
            let Some(RelatesTo { rel_type, event_id }) = relation else { break };
            if rel_type == "m.thread" {
                return Ok(Self { thread: Some(event_id), top });
            }
            relation = room.event(&event_id)?.and_then(|parent| relates_to(&parent));
            top = event_id;
        }
        Ok(Self { thread: None, top })
    }

    /// Whether a receipt in a thread, `main` or a root's id, may stand at the event. A root and what relates to
    /// it are in the main timeline, and in their thread as well.
    pub(crate) fn is_in(&self, thread: &str) -> bool {
        match &self.thread {
            None => thread == "main" || thread == self.top,
            Some(root) => thread == root,
        }
    }
}

/// What an event relates to.
pub(crate) fn relates_to(event: &Event) -> Option<RelatesTo> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: RelatesTo,
    }
    let content = event.pdu.content_str();
    // Most relate to nothing: look before parsing.
    if !content.contains("\"m.relates_to\"") {
        return None;
    }
    serde_json::from_str::<Content>(content).ok().map(|content| content.relates_to)
}
