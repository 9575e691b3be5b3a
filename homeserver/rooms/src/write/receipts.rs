//! Moving receipts.

use hearth_storage::{
    Change,
    schema::{
        self,
        rooms::{ReceiptChangeRow, ReceiptKeyRow, ReceiptRow},
    },
};
use ruma::UserId;

use crate::{
    RoomError,
    read::{event::Event, room::Room},
};

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
                let key = ReceiptKeyRow {
                    user: user.to_owned(),
                    receipt_type: receipt_type.to_owned(),
                    thread: thread.to_owned(),
                };
                let change = ReceiptChangeRow { key, receipt: row };
                tx.put(&schema::RECEIPT_CHANGES, (self.nid(), position), &change);
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
}
