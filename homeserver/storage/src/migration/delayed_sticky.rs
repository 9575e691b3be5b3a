//! Delayed events can be sticky: those that are there are not.

use ruma::{OwnedEventId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Batch, Keyspace, RoomNid, Scan, StorageError, View,
    keyspace::row,
    schema,
    schema::rooms::{DelayedEventEnd, DelayedEventRow},
};

#[derive(Serialize, Deserialize)]
pub(super) struct OldRow {
    pub room: RoomNid,
    pub event_type: String,
    pub state_key: Option<String>,
    pub redacts: Option<OwnedEventId>,
    pub content: String,
    pub delay: u64,
    pub running_since: u64,
    pub transaction: Option<String>,
    pub ended: Option<(u64, DelayedEventEnd)>,
}

row!(OldRow);

pub(super) const OLD: Keyspace<(OwnedUserId, String), OldRow> =
    Keyspace::new("DELAYED_EVENTS", Access::Range, schema::DELAYED_EVENTS.raw.index);

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    for entry in view.scan(&OLD, Scan::all()) {
        let ((user, delay_id), old) = entry?;
        let row = DelayedEventRow {
            room: old.room,
            event_type: old.event_type,
            state_key: old.state_key,
            redacts: old.redacts,
            content: old.content,
            delay: old.delay,
            running_since: old.running_since,
            transaction: old.transaction,
            ended: old.ended,
            sticky: None,
        };
        batch.put(&schema::DELAYED_EVENTS, (&user, &delay_id), &row);
    }
    Ok(())
}
