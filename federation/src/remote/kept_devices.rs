//! Devices of users of other servers as they were told last, for when their server is away: without them a new session
//! could not encrypt to its users.

use std::collections::BTreeMap;

use hearth_storage::{StorageError, schema};
use ruma::{
    OwnedDeviceId, OwnedUserId, ServerName, UserId,
    api::federation::transactions::edu::{DeviceListUpdateContent, SigningKeyUpdateContent},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Federation, FederationError};

/// What is kept of one user, in bytes. Nobody has so many devices that it would be more.
const MAX_BYTES: usize = 256 << 10;

/// The keys of a user's devices, and those that sign them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct KeptDevices {
    pub devices: BTreeMap<OwnedDeviceId, Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_signing_key: Option<Box<RawValue>>,
}

impl Federation {
    /// What is kept of a user.
    pub(super) fn kept_devices(&self, user: &UserId) -> Result<Option<KeptDevices>, FederationError> {
        let Some(text) = self.store().view().get(&schema::REMOTE_DEVICES, (user,))? else { return Ok(None) };
        let kept = serde_json::from_str(&text);
        kept.map(Some)
            .map_err(|error| StorageError::Corrupt(format!("the devices of {user}: {error}")).into())
    }

    /// Keeps what a server says of all devices of users of its, of those who are in a room that is here.
    pub(super) async fn keep_devices(
        &self,
        server: &ServerName,
        told: Vec<(OwnedUserId, KeptDevices)>,
    ) -> Result<(), FederationError> {
        let _permit = self.under_way().devices.acquire(server.to_owned()).await?;
        let mut changed = Vec::new();
        for (user, devices) in told {
            let text = serde_json::to_string(&devices).unwrap_or_default();
            let before = self.store().view().get(&schema::REMOTE_DEVICES, (&user,))?;
            let keep = text.len() <= MAX_BYTES && self.is_around(&user)?;
            match (before, keep) {
                (Some(before), true) if before == text => {}
                (None, false) => {}
                (_, keep) => changed.push((user, keep.then_some(text))),
            }
        }
        self.write_devices(changed).await
    }

    /// A device of a user of the server changed, as it tells. One who was never asked for is not followed.
    ///
    /// Whether that concerns clients: one that has no keys (they "may be absent if the device has no E2E keys defined",
    /// server-server API, `m.device_list_update`) and had none is nothing that one could encrypt to.
    pub(crate) async fn follow_device(
        &self,
        server: &ServerName,
        update: &DeviceListUpdateContent,
    ) -> Result<bool, FederationError> {
        if update.keys.is_none() && update.deleted != Some(true) {
            let kept = self.kept_devices(&update.user_id)?;
            return Ok(kept.is_some_and(|kept| kept.devices.contains_key(&update.device_id)));
        }
        self.follow(server, &update.user_id, |kept| {
            match &update.keys {
                Some(keys) if update.deleted != Some(true) => {
                    kept.devices.insert(update.device_id.clone(), keys.json().to_owned())
                }
                _ => kept.devices.remove(&update.device_id),
            };
        })
        .await?;
        Ok(true)
    }

    /// The same of the keys that sign a user's devices.
    pub(crate) async fn follow_signing_keys(
        &self,
        server: &ServerName,
        update: &SigningKeyUpdateContent,
    ) -> Result<(), FederationError> {
        self.follow(server, &update.user_id, |kept| {
            if let Some(key) = &update.master_key {
                kept.master_key = Some(key.json().to_owned());
            }
            if let Some(key) = &update.self_signing_key {
                kept.self_signing_key = Some(key.json().to_owned());
            }
        })
        .await
    }

    async fn follow(
        &self,
        server: &ServerName,
        user: &UserId,
        change: impl FnOnce(&mut KeptDevices) + Send,
    ) -> Result<(), FederationError> {
        let _permit = self.under_way().devices.acquire(server.to_owned()).await?;
        let Some(mut kept) = self.kept_devices(user)? else { return Ok(()) };
        change(&mut kept);
        let text = serde_json::to_string(&kept).unwrap_or_default();
        let text = (text.len() <= MAX_BYTES).then_some(text);
        self.write_devices(vec![(user.to_owned(), text)]).await
    }

    /// Returns when it can be read.
    async fn write_devices(
        &self,
        changed: Vec<(OwnedUserId, Option<String>)>,
    ) -> Result<(), FederationError> {
        if changed.is_empty() {
            return Ok(());
        }
        let commit = {
            let mut transaction = self.store().begin()?;
            for (user, text) in changed {
                match text {
                    Some(text) => transaction.put(&schema::REMOTE_DEVICES, (&user,), &text),
                    None => transaction.delete(&schema::REMOTE_DEVICES, (&user,)),
                }
            }
            transaction.submit()
        };
        commit.await?;
        Ok(())
    }
}
