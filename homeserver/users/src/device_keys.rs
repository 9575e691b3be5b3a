//! Identity keys, one-time keys and fallback keys of devices (client-server API, "End-to-end encryption").

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hearth_storage::{
    Position, Scan, Transaction, View,
    schema::{self, users::FallbackKeyRow},
};
use ruma::{
    DeviceId, OneTimeKeyAlgorithm, OwnedDeviceId, OwnedOneTimeKeyId, OwnedUserId, UInt, UserId,
    encryption::{DeviceKeys as IdentityKeys, OneTimeKey},
    serde::Raw,
};

use crate::{
    UsersError, json,
    one_time_keys::{Claim, UploadedKeys, checked, new_fallback_keys, new_one_time_keys},
    shared::{DeviceKey, Shared},
    signed_json,
};

/// The largest identity keys of a device, in bytes.
const MAX_IDENTITY_KEYS: usize = 16 << 10;

/// The keys of devices.
#[derive(Clone)]
pub struct DeviceKeys {
    pub(crate) shared: Arc<Shared>,
}

/// What a sync tells a device about its own keys here.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KeyCounts {
    /// Unclaimed one-time keys by algorithm. `signed_curve25519` is always named, as clients wait for its zero.
    pub one_time_keys: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    /// The algorithms of fallback keys that nobody got yet.
    pub unused_fallback_key_types: Vec<OneTimeKeyAlgorithm>,
}

/// Claimed keys by user and device.
pub type ClaimedKeys =
    BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>>>;

/// What of the keys that a device uploads is not here yet.
pub(crate) struct NewKeys {
    pub(crate) identity: Option<String>,
    pub(crate) one_time: UploadedKeys,
    pub(crate) fallback: Vec<(OneTimeKeyAlgorithm, FallbackKeyRow)>,
}

impl NewKeys {
    fn changes_counts(&self) -> bool {
        !self.one_time.is_empty() || !self.fallback.is_empty()
    }

    /// Writes them. That a device has other identity keys is for the caller to tell.
    pub(crate) fn write(
        &self,
        shared: &Shared,
        transaction: &mut Transaction,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), UsersError> {
        if let Some(keys) = &self.identity {
            transaction.put(&schema::DEVICE_KEYS, (user, device), keys);
            // Signatures were over other keys.
            transaction.delete_prefix(&schema::KEY_SIGNATURES, (user, device.as_str()))?;
        }
        // All keys of one upload share this: between them there is no order.
        let order = transaction.next_position();
        for (algorithm, keys) in &self.one_time {
            for (name, key) in keys {
                let place = (user, device, algorithm.as_str(), order, name);
                transaction.put(&schema::ONE_TIME_KEYS, place, key);
            }
        }
        for (algorithm, row) in &self.fallback {
            transaction.put(&schema::FALLBACK_KEYS, (user, device, algorithm.as_str()), row);
        }
        if self.changes_counts() {
            shared.change_one_time_keys(transaction, user, device);
        }
        Ok(())
    }
}

impl DeviceKeys {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes in what a device uploads (`POST /keys/upload`) and says what it then has here. A one-time key that was
    /// given out already is passed over: its device may not have heard that it was taken in.
    ///
    /// # Errors
    ///
    /// [`UsersError::InvalidParam`] when the identity keys are not the device's, when a one-time key of the
    /// same id but another value is here, or for two fallback keys of one algorithm;
    /// [`UsersError::InvalidSignature`] for identity keys with a signature of the device that is not its own;
    /// [`UsersError::TooLarge`] and [`UsersError::LimitExceeded`]. Nothing is stored then.
    pub async fn upload(
        &self,
        user: &UserId,
        device: &DeviceId,
        identity_keys: Option<&Raw<IdentityKeys>>,
        one_time_keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
        fallback_keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
    ) -> Result<Arc<KeyCounts>, UsersError> {
        let identity_keys =
            identity_keys.map(|keys| checked_identity_keys(user, device, keys)).transpose()?;
        let (one_time_keys, fallback_keys) = (checked(one_time_keys)?, checked(fallback_keys)?);
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if !view.contains(&schema::DEVICES, (user, device))? {
            return Err(UsersError::NotFound("unknown device"));
        }
        let new_identity = match identity_keys {
            Some(keys) => {
                let before = view.get(&schema::DEVICE_KEYS, (user, device))?;
                Some(keys).filter(|keys| before.map(json::stored_form).as_ref() != Some(keys))
            }
            None => None,
        };
        let new = NewKeys {
            identity: new_identity,
            one_time: new_one_time_keys(&view, user, device, one_time_keys)?,
            fallback: new_fallback_keys(&view, user, device, fallback_keys)?,
        };
        if new.identity.is_some() || new.changes_counts() {
            let commit = {
                let mut transaction = self.shared.store.begin()?;
                new.write(&self.shared, &mut transaction, user, device)?;
                if new.identity.is_some() {
                    self.shared.change_shared_keys(&mut transaction, user, &[device], false)?;
                }
                self.shared.submit(transaction, guard)
            };
            commit.await?;
        } else {
            self.shared.nothing_to_write(guard).await?;
        }
        self.counts(user, device)
    }

    /// What a device has here.
    pub fn counts(&self, user: &UserId, device: &DeviceId) -> Result<Arc<KeyCounts>, UsersError> {
        self.shared.key_counts.get_or_load(&DeviceKey(user, device), DeviceKey::own, || {
            let view = self.shared.store.view();
            let mut counts = KeyCounts::default();
            counts.one_time_keys.insert(OneTimeKeyAlgorithm::SignedCurve25519, UInt::default());
            for entry in view.scan(&schema::ONE_TIME_KEYS, Scan::prefix((user, device))) {
                let ((_, _, algorithm, _, _), _) = entry?;
                *counts.one_time_keys.entry(OneTimeKeyAlgorithm::from(algorithm)).or_default() +=
                    UInt::from(1u8);
            }
            for entry in view.scan(&schema::FALLBACK_KEYS, Scan::prefix((user, device))) {
                let ((_, _, algorithm), row) = entry?;
                if !row.used {
                    counts.unused_fallback_key_types.push(algorithm.into());
                }
            }
            Ok(Arc::new(counts))
        })
    }

    /// Gives out one key for each device asked for (`POST /keys/claim`): of its one-time keys the one that was
    /// uploaded first, which nobody gets again, or else its fallback key. A device that has neither, or is not
    /// here, is missing from the answer.
    pub async fn claim(
        &self,
        wanted: &BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, OneTimeKeyAlgorithm>>,
    ) -> Result<ClaimedKeys, UsersError> {
        let guard = self.shared.locks.lock_all(wanted.keys().map(|user| &**user)).await;
        let view = self.shared.store.written();
        let mut claims = Vec::new();
        for (user, devices) in wanted {
            for (device, algorithm) in devices {
                claims.extend(Claim::find(&view, user, device, algorithm)?);
            }
        }
        // A fallback key that was used before is given out again with nothing to write.
        if claims.iter().any(|claim| claim.taken.is_some()) {
            let commit = {
                let mut transaction = self.shared.store.begin()?;
                for claim in &claims {
                    if claim.take(&mut transaction) {
                        self.shared.change_one_time_keys(&mut transaction, claim.user, claim.device);
                    }
                }
                self.shared.submit(transaction, guard)
            };
            commit.await?;
        } else {
            self.shared.nothing_to_write(guard).await?;
        }
        let mut claimed = ClaimedKeys::new();
        for claim in claims {
            let of_user = claimed.entry(claim.user.to_owned()).or_default();
            of_user.entry(claim.device.to_owned()).or_default().insert(claim.id, claim.key);
        }
        Ok(claimed)
    }

    /// Whose device list or cross-signing keys changed after one position and up to another, the first `limit` of
    /// them. Free when nobody's did. A list that changed again later is told with that later change only.
    pub fn list_changes(
        &self,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<OwnedUserId>, UsersError> {
        if self.shared.newest_device_list() <= after {
            return Ok(Vec::new());
        }
        let view = self.shared.store.view();
        let changes = view.scan(&schema::DEVICE_LIST_CHANGES, Scan::all().after((after,)).through((until,)));
        Ok(changes.take(limit).map(|entry| entry.map(|(_, user)| user.0)).collect::<Result<_, _>>()?)
    }

    /// When the device lists or cross-signing keys of these users changed last; `None` for never.
    pub fn latest_list_changes(&self, users: &[OwnedUserId]) -> Result<Vec<Option<Position>>, UsersError> {
        let keys = users.iter().map(|user| (user,));
        Ok(self.shared.store.view().multi_get(&schema::DEVICE_LIST_LATEST, keys)?)
    }
}

/// The identity keys of a device as they are stored.
pub(crate) fn checked_identity_keys(
    user: &UserId,
    device: &DeviceId,
    json: &Raw<IdentityKeys>,
) -> Result<String, UsersError> {
    let text = json::well_formed(json.json().get())?;
    if text.len() > MAX_IDENTITY_KEYS {
        return Err(UsersError::TooLarge("the device keys are larger than 16 KiB"));
    }
    let keys = json.deserialize().map_err(UsersError::bad_json)?;
    if keys.user_id != user || keys.device_id != device {
        return Err(UsersError::InvalidParam("the device keys are another device's".to_owned()));
    }
    let object = signed_json::parse(&text)?;
    let id = format!("ed25519:{device}");
    let key = object.get("keys").and_then(|keys| keys.as_object()?.get(&*id)?.as_str());
    let signature = signed_json::signatures_by(&object, user).find(|(key_id, _)| *key_id == id);
    // Other servers take keys that nobody signed, and so do tests of clients; to a device that did not sign its keys no
    // client encrypts.
    if let Some((_, signature)) = signature {
        let key = key.ok_or_else(|| {
            UsersError::InvalidSignature("the key that signed the device keys is not among them".to_owned())
        })?;
        signed_json::verify(&object, key, signature)?;
    }
    Ok(text)
}

/// The public keys of a stored device that can sign, by key id.
pub(crate) fn signing_keys(
    view: &View,
    user: &UserId,
    devices: &BTreeSet<&DeviceId>,
) -> Result<BTreeMap<String, String>, UsersError> {
    let mut signing = BTreeMap::new();
    for device in devices {
        let Some(json) = view.get(&schema::DEVICE_KEYS, (user, *device))? else { continue };
        let object = signed_json::parse_stored(&json)?;
        let id = format!("ed25519:{device}");
        let keys = object.get("keys").and_then(|keys| keys.as_object());
        if let Some(key) = keys.and_then(|keys| keys.get(&*id)).and_then(|key| key.as_str()) {
            signing.insert(id, key.to_owned());
        }
    }
    Ok(signing)
}

#[cfg(test)]
mod tests;
