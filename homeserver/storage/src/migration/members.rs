//! From version 5 to 6. To find the joined members of a room, or those of one server, all of its members were read. Now
//! they are written down by what they are, and by server.

use crate::{Batch, Scan, StorageError, View, schema};

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    for row in view.scan(&schema::MEMBERSHIPS, Scan::all()) {
        let ((room, user), row) = row?;
        batch.put(&schema::MEMBERS, (room, row.membership, user.server_name(), &user), &());
    }
    Ok(())
}
