//! For which devices messages wait, read from their queues.

use std::collections::BTreeSet;

use hearth_storage::{Position, Scan, StorageError, UsersFrom, View, schema};
use ruma::{OwnedDeviceId, OwnedUserId};

use crate::Service;

/// So many devices are named at most; of others the service hears when something else comes for them.
const MAX_DEVICES: usize = 10_000;

/// The devices of a service's users for which messages wait that the service does not have: all of them where the user
/// is the service's alone, else those that came after a position. It goes from device to device.
pub(super) fn devices(
    view: &View,
    service: &Service,
    told: Position,
) -> Result<BTreeSet<(OwnedUserId, OwnedDeviceId)>, StorageError> {
    let mut devices = BTreeSet::new();
    for beginning in service.user_beginnings() {
        let all = || Scan::prefix((UsersFrom(&beginning),));
        let mut next = view.scan(&schema::TO_DEVICE, all()).next().transpose()?;
        while let Some(((user, device, _), _)) = next {
            if devices.len() >= MAX_DEVICES {
                return Ok(devices);
            }
            let last = (&user, &device, Position(u64::MAX));
            let after = if service.owns_user(&user) { Position::NONE } else { told };
            let waiting = Scan::prefix((&user, &device)).after((&user, &device, after));
            next = view.scan(&schema::TO_DEVICE, all().after(last)).next().transpose()?;
            if service.covers(&user) && view.scan(&schema::TO_DEVICE, waiting).next().transpose()?.is_some() {
                devices.insert((user, device));
            }
        }
    }
    Ok(devices)
}
