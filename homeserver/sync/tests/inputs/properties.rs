//! What is true of any text that a client sends. The tests here and the fuzz targets of `federation/fuzz` look for one
//! of which it is not.

use hearth_sync::{EventFilter, SyncToken, TimelineToken};
use ruma::api::client::filter::FilterDefinition;

/// A token that is read is the one that is written.
pub fn sync_token(text: &str) {
    if let Ok(token) = text.parse::<SyncToken>() {
        assert_eq!(token.to_string().parse(), Ok(token));
    }
    if let Ok(token) = text.parse::<TimelineToken>() {
        assert_eq!(token.to_string().parse(), Ok(token));
        let _ = token.range(Some(token), true, 10);
    }
}

/// Whatever a filter says, it says of a type and a room whether they are wanted, and bounds what is told.
pub fn filter(text: &str) {
    let Ok(definition) = serde_json::from_str::<FilterDefinition>(text) else { return };
    let filter = EventFilter::of(&definition.room.timeline);
    assert!((1..=100).contains(&filter.limit()));
    for event_type in ["", "m.room.message", "*", "m.*.*.*.*.*.*.*.*.*"] {
        filter.takes_type(event_type);
    }
    let room = ruma::room_id!("!a:b.example");
    if definition.room.timeline.not_rooms.iter().any(|not| not == room) {
        assert!(!filter.takes_room(room));
    }
}
