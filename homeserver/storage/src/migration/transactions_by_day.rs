//! Transaction ids are kept by day, and not for ever. Those of before are forgotten: a request that was answered is
//! not sent again.

use crate::{Access, Batch, Keyspace, StorageError, View, schema};

/// As they were kept: (user, device, endpoint and transaction id). User ids begin with `@`.
const BY_USER: Keyspace<(String, String, String), Vec<u8>> =
    Keyspace::new("TRANSACTIONS", Access::Point, schema::TRANSACTIONS.raw.index);

pub(super) fn upgrade(_: &View, batch: &mut Batch) -> Result<(), StorageError> {
    batch.delete_range(&BY_USER, ("@", "", ""), ("A", "", ""));
    Ok(())
}
