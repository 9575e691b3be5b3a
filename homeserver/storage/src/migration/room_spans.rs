//! From version 12 to 13. By what happened last in them, rooms stood nowhere: all heads were read to find the latest. Now they
//! stand in spans of the log.

use crate::{Batch, Scan, StorageError, View, schema};

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    for row in view.scan(&schema::ROOM_HEADS, Scan::all()) {
        let ((room,), head) = row?;
        let span = head.position.0 / schema::SPAN_POSITIONS;
        batch.put(&schema::ROOM_SPANS, (room,), &span);
        batch.put(&schema::SPAN_ROOMS, (span, room), &());
    }
    Ok(())
}
