//! Pushers can be turned off, and are activated: those that are there are on and active.

use ruma::{OwnedDeviceId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Batch, Keyspace, Scan, StorageError, View, keyspace::row, schema, schema::users::PusherRow,
};

#[derive(Serialize, Deserialize)]
struct OldRow {
    device: OwnedDeviceId,
    pusher: String,
}

row!(OldRow);

const OLD: Keyspace<(OwnedUserId, String, String), OldRow> =
    Keyspace::new("PUSHERS", Access::Range, schema::PUSHERS.raw.index);

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    for entry in view.scan(&OLD, Scan::all()) {
        let ((user, app_id, pushkey), OldRow { device, pusher }) = entry?;
        let row = PusherRow { device, pusher, set_at: 0, enabled: true, awaits: None };
        batch.put(&schema::PUSHERS, (&user, &app_id, &pushkey), &row);
    }
    Ok(())
}
