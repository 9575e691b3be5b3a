//! Receipts: how far users have read.

use hearth_storage::{
    Change, Position, Scan,
    schema::{
        self,
        rooms::{ReceiptKeyRow, ReceiptRow},
    },
};
use ruma::UserId;

use crate::{RoomError, event::Event, room::Room};

impl Room {
    /// Moves a receipt to an event, unless it is further already. `thread` is nothing for an unthreaded one,
    /// else `main` or the root's id. Returns when it is durable.
    pub async fn set_receipt(
        &self,
        user: &UserId,
        receipt_type: &str,
        thread: Option<&str>,
        event: &Event,
    ) -> Result<(), RoomError> {
        let Some(order) = event.order() else { return Err(RoomError::UnknownEvent) };
        let thread = thread.unwrap_or_default();
        let key = ReceiptKeyRow {
            user: user.to_owned(),
            receipt_type: receipt_type.to_owned(),
            thread: thread.to_owned(),
        };
        let commit = {
            let _writer = self.0.receipts.lock();
            let mut tx = self.shared().store.begin()?;
            let old = tx.get(&schema::RECEIPTS, (self.nid(), user, receipt_type, thread))?;
            if let Some(old) = &old {
                tx.delete(&schema::RECEIPT_CHANGES, (self.nid(), old.position));
            }
            if old.is_some_and(|old| old.order >= order) {
                None
            } else {
                let position = tx.append(&Change::Receipt { room: self.nid(), user: user.to_owned() });
                let ts = self.shared().clock.now_ms();
                let row = ReceiptRow { event_id: event.id().to_owned(), order, ts, position };
                tx.put(&schema::RECEIPTS, (self.nid(), user, receipt_type, thread), &row);
                tx.put(&schema::RECEIPT_CHANGES, (self.nid(), position), &key);
                Some(tx.submit())
            }
        };
        match commit {
            Some(commit) => commit.await.map(drop)?,
            // Another request may just be writing the one that is further.
            None => self.shared().store.settled().await?,
        }
        Ok(())
    }

    /// The receipts that changed after one position and up to another.
    pub fn receipts_since(
        &self,
        after: Position,
        until: Position,
    ) -> Result<Vec<(ReceiptKeyRow, ReceiptRow)>, RoomError> {
        let scan = Scan::prefix((self.nid(),)).after((self.nid(), after)).through((self.nid(), until));
        let view = &self.shared().view;
        let mut receipts = Vec::new();
        for change in view.scan(&schema::RECEIPT_CHANGES, scan) {
            let (_, key) = change?;
            let row = view.get(&schema::RECEIPTS, (self.nid(), &key.user, &key.receipt_type, &key.thread))?;
            receipts.extend(row.map(|row| (key, row)));
        }
        Ok(receipts)
    }

    /// All receipts of the room.
    pub fn receipts(&self) -> Result<Vec<(ReceiptKeyRow, ReceiptRow)>, RoomError> {
        self.receipts_in(Scan::prefix((self.nid(),)))
    }

    /// All receipts of a user in the room.
    pub fn receipts_of(&self, user: &UserId) -> Result<Vec<(ReceiptKeyRow, ReceiptRow)>, RoomError> {
        self.receipts_in(Scan::prefix((self.nid(), user)))
    }

    fn receipts_in(
        &self,
        scan: Scan<(hearth_storage::RoomNid, ruma::OwnedUserId, String, String)>,
    ) -> Result<Vec<(ReceiptKeyRow, ReceiptRow)>, RoomError> {
        let view = &self.shared().view;
        let rows = view.scan(&schema::RECEIPTS, scan).map(|row| {
            let ((_, user, receipt_type, thread), row) = row?;
            Ok((ReceiptKeyRow { user, receipt_type, thread }, row))
        });
        rows.collect()
    }
}
