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
    DeviceId, OneTimeKeyAlgorithm, OneTimeKeyId, OwnedDeviceId, OwnedOneTimeKeyId, OwnedUserId, UInt, UserId,
    encryption::{DeviceKeys as IdentityKeys, OneTimeKey},
    serde::Raw,
};
use serde_json::Value as JsonValue;

use crate::{
    UsersError,
    shared::{DeviceKey, Shared},
    signed_json,
};

/// How many one-time keys of one algorithm a device may have here. Clients keep some 50.
const MAX_ONE_TIME_KEYS: usize = 1000;

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

/// One-time keys by algorithm and then name.
type ByAlgorithm<'a> = BTreeMap<OneTimeKeyAlgorithm, BTreeMap<&'a str, &'a Raw<OneTimeKey>>>;

impl DeviceKeys {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes in what a device uploads (`POST /keys/upload`) and says what it then has here.
    ///
    /// # Errors
    ///
    /// [`UsersError::InvalidParam`] when the identity keys are not the device's, when a one-time key of the
    /// same id but another value is here, or for two fallback keys of one algorithm; nothing is stored then.
    pub async fn upload(
        &self,
        user: &UserId,
        device: &DeviceId,
        identity_keys: Option<&Raw<IdentityKeys>>,
        one_time_keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
        fallback_keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
    ) -> Result<Arc<KeyCounts>, UsersError> {
        if let Some(keys) = identity_keys {
            check_identity_keys(user, device, keys)?;
        }
        let fallback_keys = by_algorithm(fallback_keys);
        if fallback_keys.values().any(|keys| keys.len() > 1) {
            return Err(UsersError::InvalidParam("more than one fallback key of an algorithm".to_owned()));
        }
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.view();
        if !view.contains(&schema::DEVICES, (user, device))? {
            return Err(UsersError::NotFound("unknown device"));
        }
        let new_identity = match identity_keys {
            Some(keys) => {
                let before = view.get(&schema::DEVICE_KEYS, (user, device))?;
                Some(keys.json().get()).filter(|keys| before.is_none_or(|before| before != *keys))
            }
            None => None,
        };
        let new_one_time = new_one_time_keys(&view, user, device, by_algorithm(one_time_keys))?;
        let new_fallback = new_fallback_keys(&view, user, device, fallback_keys)?;
        let counts_change = !new_one_time.is_empty() || !new_fallback.is_empty();
        if new_identity.is_some() || counts_change {
            let commit = {
                let mut transaction = self.shared.store.begin()?;
                if let Some(keys) = new_identity {
                    transaction.put(&schema::DEVICE_KEYS, (user, device), &keys.to_owned());
                    // Signatures were over other keys.
                    transaction.delete_prefix(&schema::KEY_SIGNATURES, (user, device.as_str()))?;
                    self.shared.change_shared_keys(&mut transaction, user, &[device], false)?;
                }
                // All keys of one upload share this: between them there is no order.
                let order = transaction.next_position().0;
                for (algorithm, name, key) in &new_one_time {
                    let place = (user, device, algorithm.as_str(), order, *name);
                    transaction.put(&schema::ONE_TIME_KEYS, place, key);
                }
                for (algorithm, row) in &new_fallback {
                    transaction.put(&schema::FALLBACK_KEYS, (user, device, algorithm.as_str()), row);
                }
                if counts_change {
                    self.shared.change_one_time_keys(&mut transaction, user, device);
                }
                self.shared.submit(transaction, guard)
            };
            commit.await?;
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
        let view = self.shared.store.view();
        let mut claims = Vec::new();
        for (user, devices) in wanted {
            for (device, algorithm) in devices {
                claims.extend(find_key(&view, user, device, algorithm)?);
            }
        }
        // A fallback key that was used before is given out again with nothing to write.
        if claims.iter().any(|claim| claim.taken.is_some()) {
            let commit = {
                let mut transaction = self.shared.store.begin()?;
                for claim in &claims {
                    self.take_key(&mut transaction, claim);
                }
                self.shared.submit(transaction, guard)
            };
            commit.await?;
        }
        let mut claimed = ClaimedKeys::new();
        for claim in claims {
            let of_user = claimed.entry(claim.user.to_owned()).or_default();
            of_user.entry(claim.device.to_owned()).or_default().insert(claim.id, claim.key);
        }
        Ok(claimed)
    }

    fn take_key(&self, transaction: &mut Transaction<'_>, claim: &Claim<'_>) {
        let (user, device) = (claim.user, claim.device);
        let algorithm = claim.id.algorithm();
        match &claim.taken {
            Some(Taken::OneTime { order, name }) => {
                transaction.delete(&schema::ONE_TIME_KEYS, (user, device, algorithm.as_str(), *order, name));
            }
            Some(Taken::Fallback(row)) => {
                transaction.put(&schema::FALLBACK_KEYS, (user, device, algorithm.as_str()), row);
            }
            None => return,
        }
        self.shared.change_one_time_keys(transaction, user, device);
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

/// A key that is given out.
struct Claim<'a> {
    user: &'a UserId,
    device: &'a DeviceId,
    id: OwnedOneTimeKeyId,
    key: Raw<OneTimeKey>,
    /// `None` for a fallback key that others got before.
    taken: Option<Taken>,
}

/// What is written when a key is given out.
enum Taken {
    OneTime { order: u64, name: String },
    Fallback(FallbackKeyRow),
}

/// The key that a device's next claim gets.
fn find_key<'a>(
    view: &View,
    user: &'a UserId,
    device: &'a DeviceId,
    algorithm: &OneTimeKeyAlgorithm,
) -> Result<Option<Claim<'a>>, UsersError> {
    let one_time = Scan::prefix((user, device, algorithm.as_str()));
    let first = view.scan(&schema::ONE_TIME_KEYS, one_time).next().transpose()?;
    let (name, json, taken) = match first {
        Some(((_, _, _, order, name), json)) => (name.clone(), json, Some(Taken::OneTime { order, name })),
        None => match view.get(&schema::FALLBACK_KEYS, (user, device, algorithm.as_str()))? {
            Some(row) => {
                let (name, json) = (row.key_id.clone(), row.key.clone());
                (name, json, (!row.used).then_some(Taken::Fallback(FallbackKeyRow { used: true, ..row })))
            }
            None => return Ok(None),
        },
    };
    let id = OneTimeKeyId::from_parts(algorithm.clone(), (&*name).into());
    let key = Raw::from_json_string(json).map_err(UsersError::corrupt)?;
    Ok(Some(Claim { user, device, id, key, taken }))
}

fn check_identity_keys(user: &UserId, device: &DeviceId, json: &Raw<IdentityKeys>) -> Result<(), UsersError> {
    let keys = json.deserialize().map_err(UsersError::bad_json)?;
    if keys.user_id != user || keys.device_id != device {
        return Err(UsersError::InvalidParam("the device keys are another device's".to_owned()));
    }
    // They are signed, so they must be canonical JSON.
    signed_json::parse(json.json().get())?;
    Ok(())
}

fn by_algorithm(keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>) -> ByAlgorithm<'_> {
    let mut by_algorithm = ByAlgorithm::new();
    for (id, key) in keys {
        // The part behind the colon, which the type has checked to be there.
        let name = id.as_str().split_once(':').map_or("", |(_, name)| name);
        by_algorithm.entry(id.algorithm()).or_default().insert(name, key);
    }
    by_algorithm
}

/// Those keys that are not here yet.
fn new_one_time_keys<'a>(
    view: &View,
    user: &UserId,
    device: &DeviceId,
    uploaded: ByAlgorithm<'a>,
) -> Result<Vec<(OneTimeKeyAlgorithm, &'a str, String)>, UsersError> {
    let mut new = Vec::new();
    for (algorithm, mut keys) in uploaded {
        let mut held = 0;
        for entry in view.scan(&schema::ONE_TIME_KEYS, Scan::prefix((user, device, algorithm.as_str()))) {
            let ((_, _, _, _, name), here) = entry?;
            held += 1;
            if let Some(key) = keys.remove(&*name)
                && !same_json(key.json().get(), &here)?
            {
                return Err(UsersError::InvalidParam(format!(
                    "another one-time key {algorithm}:{name} is here already"
                )));
            }
        }
        if held + keys.len() > MAX_ONE_TIME_KEYS {
            return Err(UsersError::TooLarge("too many one-time keys"));
        }
        new.extend(
            keys.into_iter().map(|(name, key)| (algorithm.clone(), name, key.json().get().to_owned())),
        );
    }
    Ok(new)
}

/// Those fallback keys that are not the ones here.
fn new_fallback_keys(
    view: &View,
    user: &UserId,
    device: &DeviceId,
    uploaded: ByAlgorithm<'_>,
) -> Result<Vec<(OneTimeKeyAlgorithm, FallbackKeyRow)>, UsersError> {
    let mut new = Vec::new();
    for (algorithm, keys) in uploaded {
        for (name, key) in keys {
            let here = view.get(&schema::FALLBACK_KEYS, (user, device, algorithm.as_str()))?;
            let key = key.json().get();
            if here.is_none_or(|here| here.key_id != name || here.key != key) {
                let row = FallbackKeyRow { key_id: name.to_owned(), key: key.to_owned(), used: false };
                new.push((algorithm.clone(), row));
            }
        }
    }
    Ok(new)
}

fn same_json(uploaded: &str, stored: &str) -> Result<bool, UsersError> {
    let uploaded: JsonValue = serde_json::from_str(uploaded).map_err(UsersError::bad_json)?;
    let stored: JsonValue = serde_json::from_str(stored).map_err(UsersError::corrupt)?;
    Ok(uploaded == stored)
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
