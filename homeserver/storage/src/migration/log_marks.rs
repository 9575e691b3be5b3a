//! The log's bytes are counted, from a mark where it begins ([`schema::LOG_MARKS`]).

use super::LOG;
use crate::{Batch, Scan, StorageError, View, schema};

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    let oldest = view.scan(&LOG, Scan::all()).next().transpose()?;
    if let Some(((first,), _)) = oldest {
        batch.put(&schema::LOG_MARKS, (first.before(),), &0);
    }
    Ok(())
}
