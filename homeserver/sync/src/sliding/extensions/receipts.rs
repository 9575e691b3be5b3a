//! Receipts (MSC3960).

use std::collections::BTreeMap;

use hearth_rooms::Room;
use hearth_storage::schema::rooms::{ReceiptKeyRow, ReceiptRow};
use ruma::{EventId, UserId};

use super::RoomParts;
use crate::{SyncError, json::Object, room_update::Timeline, scope::Scope};

const PRIVATE: &str = "m.read.private";

/// The receipts of rooms.
#[derive(Default)]
pub struct RoomReceipts(pub RoomParts);

impl RoomReceipts {
    /// Adds those that changed in a room that the client knows.
    pub fn add_changed(&mut self, room: &Room, receipts: &[(ReceiptKeyRow, ReceiptRow)]) {
        if !receipts.is_empty() {
            write_receipts(receipts, self.0.room(room.id()));
        }
    }

    /// Adds those of a room that is new to the client: the user's own, and others' at events of its timeline.
    pub fn add_of_new(
        &mut self,
        scope: &Scope<'_>,
        room: &Room,
        timeline: Option<&Timeline>,
    ) -> Result<(), SyncError> {
        let mut receipts = room.receipts_of(scope.user)?;
        let events = timeline.map_or(&[][..], |timeline| &timeline.events);
        if let Some(oldest) = events.first().and_then(|event| event.order()) {
            // Whoever has read an event has done so after it came.
            let later = room.receipts_since(oldest.before().position(), scope.upto.log)?;
            receipts.extend(later.into_iter().filter(|(key, row)| {
                key.user != scope.user
                    && key.receipt_type != PRIVATE
                    && !scope.ignored.contains(&key.user)
                    && events.iter().any(|event| event.id() == row.event_id)
            }));
        }
        self.add_changed(room, &receipts);
        Ok(())
    }
}

/// All in one event: of a user's receipts of one type at one event, in several threads, that for all threads is told.
fn write_receipts(receipts: &[(ReceiptKeyRow, ReceiptRow)], out: &mut String) {
    type ByType<'a> = BTreeMap<&'a str, BTreeMap<&'a UserId, (&'a str, u64)>>;
    let mut by_event: BTreeMap<&EventId, ByType<'_>> = BTreeMap::new();
    for (key, row) in receipts {
        let users = by_event.entry(&row.event_id).or_default().entry(&key.receipt_type).or_default();
        let told = users.entry(&key.user).or_insert((&key.thread, row.ts));
        if key.thread.is_empty() {
            *told = (&key.thread, row.ts);
        }
    }
    let mut event = Object::open(out);
    event.text("type", "m.receipt");
    let mut content = Object::open(event.key("content"));
    for (event_id, by_type) in by_event {
        let mut types = Object::open(content.key(event_id.as_str()));
        for (receipt_type, by_user) in by_type {
            let mut users = Object::open(types.key(receipt_type));
            for (user, (thread, ts)) in by_user {
                let mut receipt = Object::open(users.key(user.as_str()));
                receipt.number("ts", ts);
                if !thread.is_empty() {
                    receipt.text("thread_id", thread);
                }
                receipt.close();
            }
            users.close();
        }
        types.close();
    }
    content.close();
    event.close();
}
