//! Events as they were written lately: what concerns one service concerns others as well, and mostly at once.

use std::sync::{Arc, Weak};

use hearth_rooms::{Event, Rooms};
use parking_lot::Mutex;
use serde_json::value::RawValue;

use super::event;
use crate::PushError;

/// So many events are remembered, each of so many bytes at most.
const EVENTS: usize = 512;
const MAX_BYTES: usize = 8 << 10;
/// For how long: by so much the age may be wrong that is told with one, in milliseconds.
const LIFETIME_MS: u64 = 1000;

/// What was written lately, each event in a place that its number says.
pub(crate) struct Written(Mutex<Vec<Option<WrittenEvent>>>);

struct WrittenEvent {
    /// As it was then: one that is redacted since is another.
    of: Weak<Event>,
    at_ms: u64,
    text: Arc<RawValue>,
}

impl Written {
    pub fn new() -> Self {
        Self(Mutex::new((0..EVENTS).map(|_| None).collect()))
    }

    /// An event of a room that is here, as every service gets it.
    pub(super) fn event(&self, rooms: &Rooms, event: &Arc<Event>) -> Result<Arc<RawValue>, PushError> {
        let (place, now) = (event.nid.0 as usize % EVENTS, rooms.now_ms());
        let same = |written: &&WrittenEvent| {
            std::ptr::eq(written.of.as_ptr(), Arc::as_ptr(event)) && now.abs_diff(written.at_ms) < LIFETIME_MS
        };
        if let Some(written) = self.0.lock().get(place).and_then(Option::as_ref).filter(same) {
            return Ok(written.text.clone());
        }
        let text: Arc<RawValue> = event::of_room(rooms, event, false)?.into();
        if text.get().len() <= MAX_BYTES
            && let Some(written) = self.0.lock().get_mut(place)
        {
            *written = Some(WrittenEvent { of: Arc::downgrade(event), at_ms: now, text: text.clone() });
        }
        Ok(text)
    }
}
