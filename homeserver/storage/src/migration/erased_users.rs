//! From version 6 to 7. That an account was erased stood in its row alone, and had no effect. Now it is written down by
//! itself, and since when: for those erased before, since the upgrade.

use super::LOG;
use crate::{Batch, Scan, StorageError, View, schema};

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    let last = view.scan(&LOG, Scan::all().reversed()).next().transpose()?;
    let now = last.map(|((position,), _)| position).unwrap_or_default();
    for row in view.scan(&schema::ACCOUNTS, Scan::all()) {
        let ((user,), account) = row?;
        if account.erased {
            batch.put(&schema::ERASED_USERS, (&user,), &now);
        }
    }
    Ok(())
}
