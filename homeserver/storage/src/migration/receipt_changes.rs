//! What changed among a room's receipts named them, and each was looked up. Now it tells them.

use crate::{
    Access, Batch, Keyspace, Position, RoomNid, Scan, StorageError, View, schema,
    schema::rooms::{ReceiptChangeRow, ReceiptKeyRow},
};

const OLD: Keyspace<(RoomNid, Position), ReceiptKeyRow> =
    Keyspace::new("RECEIPT_CHANGES", Access::Append, schema::RECEIPT_CHANGES.raw.index);

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    for entry in view.scan(&OLD, Scan::all()) {
        let ((room, position), key) = entry?;
        match view.get(&schema::RECEIPTS, (room, &key.user, &key.receipt_type, &key.thread))? {
            Some(receipt) => {
                let change = ReceiptChangeRow { key, receipt };
                batch.put(&schema::RECEIPT_CHANGES, (room, position), &change);
            }
            None => batch.delete(&schema::RECEIPT_CHANGES, (room, position)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryEngine, TimelineOrder, engine::Engine as _, schema::rooms::ReceiptRow};

    #[test]
    fn each_change_tells_its_receipt() {
        let engine = MemoryEngine::new();
        let (user, room) = (ruma::user_id!("@a:here"), RoomNid(1));
        let key = |thread: &str| ReceiptKeyRow {
            user: user.to_owned(),
            receipt_type: "m.read".to_owned(),
            thread: thread.to_owned(),
        };
        let receipt = ReceiptRow {
            event_id: ruma::owned_event_id!("$e"),
            order: TimelineOrder(7),
            ts: 8,
            position: Position(9),
        };
        let mut batch = Batch::default();
        batch.put(&schema::RECEIPTS, (room, user, "m.read", "main"), &receipt);
        batch.put(&OLD, (room, Position(9)), &key("main"));
        batch.put(&OLD, (room, Position(5)), &key("that is gone"));
        engine.apply([&batch].into_iter(), true).unwrap();
        let view = View::latest(engine.clone().into());
        let mut batch = Batch::default();
        upgrade(&view, &mut batch).unwrap();
        engine.apply([&batch].into_iter(), true).unwrap();
        let changes: Result<Vec<_>, _> = view.scan(&schema::RECEIPT_CHANGES, Scan::all()).collect();
        let change = ReceiptChangeRow { key: key("main"), receipt };
        assert_eq!(changes.unwrap(), [((room, Position(9)), change)]);
    }
}
