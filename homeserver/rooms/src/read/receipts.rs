//! Receipts: how far users have read.

use hearth_storage::{
    Position, Scan,
    schema::{
        self,
        rooms::{ReceiptChangeRow, ReceiptKeyRow, ReceiptRow},
    },
};
use ruma::UserId;

use crate::{RoomError, read::room::Room};

impl Room {
    /// The receipts that changed after one position and up to another.
    pub fn receipts_since(
        &self,
        after: Position,
        until: Position,
    ) -> Result<Vec<(ReceiptKeyRow, ReceiptRow)>, RoomError> {
        let scan = Scan::prefix((self.nid(),)).after((self.nid(), after)).through((self.nid(), until));
        let view = &self.shared().view;
        let changes = view.scan(&schema::RECEIPT_CHANGES, scan).map(|change| {
            let (_, ReceiptChangeRow { key, receipt }) = change?;
            Ok((key, receipt))
        });
        changes.collect()
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
