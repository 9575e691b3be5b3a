//! Dehydrated devices ([MSC3814](https://github.com/matrix-org/matrix-spec-proposals/pull/3814)): a device that a user
//! puts aside, so that what is encrypted for them while all others are gone can still be read. One of each user.

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::schema::{
    self,
    users::{DehydratedDeviceRow, DeviceRow},
};
use ruma::{
    DeviceId, OwnedDeviceId, OwnedOneTimeKeyId, UserId,
    encryption::{DeviceKeys as IdentityKeys, OneTimeKey},
    serde::Raw,
};
use serde_json::value::RawValue;

use crate::{
    UsersError,
    device_keys::{NewKeys, checked_identity_keys},
    devices::{check_display_name, remove_device},
    json,
    one_time_keys::{checked, new_fallback_keys, new_one_time_keys},
    sessions::{check_device_count, check_device_id},
    shared::Shared,
    to_device,
};

/// How large the data of a dehydrated device may be, in bytes.
const MAX_DATA: usize = 64 << 10;

/// The dehydrated devices of users.
#[derive(Clone)]
pub struct DehydratedDevices {
    shared: Arc<Shared>,
}

/// A device that is put aside.
#[derive(Clone, PartialEq, Debug)]
pub struct DehydratedDevice {
    pub device: OwnedDeviceId,
    /// As the client gave it, JSON.
    pub data: String,
}

/// A device as a client puts it aside.
pub struct NewDehydratedDevice<'a> {
    pub device: &'a DeviceId,
    pub display_name: Option<&'a str>,
    pub data: &'a RawValue,
    pub identity_keys: &'a Raw<IdentityKeys>,
    pub one_time_keys: &'a BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
    pub fallback_keys: &'a BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
}

impl DehydratedDevices {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The user's.
    pub fn get(&self, user: &UserId) -> Result<Option<DehydratedDevice>, UsersError> {
        let row = self.shared.store.view().get(&schema::DEHYDRATED_DEVICES, (user,))?;
        Ok(row.map(|row| DehydratedDevice { device: row.device, data: row.data }))
    }

    /// Puts a device aside, with its keys, in place of the one before it, which goes with all that waits for it.
    ///
    /// # Errors
    /// As for uploading keys; [`UsersError::InvalidParam`] for the id of another of the user's devices.
    pub async fn set(&self, user: &UserId, new: NewDehydratedDevice<'_>) -> Result<(), UsersError> {
        let device = new.device;
        check_device_id(device)?;
        check_display_name(new.display_name)?;
        let data = json::well_formed(new.data.get())?;
        if data.len() > MAX_DATA {
            return Err(UsersError::TooLarge("the data of a dehydrated device is larger than 64 KiB"));
        }
        let identity = checked_identity_keys(user, device, new.identity_keys)?;
        let (one_time, fallback) = (checked(new.one_time_keys)?, checked(new.fallback_keys)?);
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let commit = {
            let mut tx = self.shared.store.begin()?;
            let mut changed = vec![device];
            let before = view.get(&schema::DEHYDRATED_DEVICES, (user,))?.map(|row| row.device);
            if let Some(before) = &before {
                remove_device(&mut tx, &view, user, before)?;
                to_device::clear(&mut tx, &view, user, &[&**before].into())?;
                if before != device {
                    changed.push(before);
                }
            }
            if tx.contains(&schema::DEVICES, (user, device))? {
                return Err(UsersError::InvalidParam("that is another of your devices".to_owned()));
            }
            check_device_count(&tx, user)?;
            let display_name = new.display_name.map(str::to_owned);
            let row = DeviceRow { display_name, last_seen_at: None, last_seen_ip: None };
            tx.put(&schema::DEVICES, (user, device), &row);
            let keys = NewKeys {
                identity: Some(identity),
                one_time: new_one_time_keys(&tx, user, device, one_time)?,
                fallback: new_fallback_keys(&tx, user, device, fallback)?,
            };
            keys.write(&self.shared, &mut tx, user, device)?;
            let row = DehydratedDeviceRow { device: device.to_owned(), data };
            tx.put(&schema::DEHYDRATED_DEVICES, (user,), &row);
            self.shared.change_shared_keys(&mut tx, user, &changed, false)?;
            self.shared.submit(tx, guard)
        };
        commit.await?;
        Ok(())
    }
}
