//! The log says which account data changed, and not only whose.

use ruma::{OwnedUserId, RoomId};

use super::LOG;
use crate::{Batch, Change, LogRow, Scan, StorageError, View, schema};

/// The first byte of a change of account data.
const ACCOUNT_DATA: u8 = 3;

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    for row in view.scan(&LOG, Scan::all()) {
        let ((position,), bytes) = row?;
        if bytes.first() != Some(&ACCOUNT_DATA) {
            continue;
        }
        let ((_, user), rest) = postcard::take_from_bytes::<(u8, OwnedUserId)>(&bytes)
            .map_err(|error| StorageError::corrupt(format!("a change cannot be read: {error}")))?;
        // What changed again since is told by its later change.
        let what = view.get(&schema::ACCOUNT_DATA_CHANGES, (&user, position))?;
        let (room, data_type) = what.map_or_else(Default::default, |key| (key.room, key.data_type));
        let room = RoomId::parse(room).ok();
        let change = Change::AccountData { user, room, data_type };
        batch.put(&schema::LOG, (position,), &LogRow { change, goes_on: !rest.is_empty() });
    }
    Ok(())
}
