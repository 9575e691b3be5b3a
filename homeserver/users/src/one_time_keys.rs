//! One-time keys and fallback keys: which of those that a device uploads are new, and which one a claim gets.

use std::collections::{BTreeMap, BTreeSet};

use hearth_storage::{
    Position, Scan, Transaction, View,
    schema::{
        self,
        users::{ClaimedKeyRow, FallbackKeyRow},
    },
};
use ruma::{
    DeviceId, OneTimeKeyAlgorithm, OneTimeKeyId, OwnedOneTimeKeyId, UserId, encryption::OneTimeKey,
    serde::Raw,
};
use sha2::{Digest, Sha256};

use crate::{UsersError, json};

/// How many one-time keys a device may have here. Clients keep some 50.
const MAX_ONE_TIME_KEYS: usize = 1000;

/// Of how many algorithms a device may have keys. There are two in use.
const MAX_ALGORITHMS: usize = 10;

/// The largest key, and the longest name of an algorithm and of a key, in bytes.
const MAX_KEY: usize = 4 << 10;
const MAX_ALGORITHM: usize = 64;
const MAX_NAME: usize = 255;

/// How many of a device's keys that were given out are remembered.
const MAX_CLAIMED: usize = 5000;

/// What is beyond that is swept out at one in so many claims.
const SWEEP_EVERY: u64 = 64;

/// Keys as they are uploaded, checked: by algorithm and then name, as JSON.
pub(crate) type UploadedKeys = BTreeMap<OneTimeKeyAlgorithm, BTreeMap<String, String>>;

/// Checks keys that are uploaded.
pub(crate) fn checked(
    keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
) -> Result<UploadedKeys, UsersError> {
    let mut checked = UploadedKeys::new();
    for (id, key) in keys {
        let algorithm = id.algorithm();
        // The part behind the colon, which the type has checked to be there.
        let name = id.as_str().split_once(':').map_or("", |(_, name)| name);
        let json = json::well_formed(key.json().get())?;
        if algorithm.as_str().len() > MAX_ALGORITHM || name.len() > MAX_NAME {
            return Err(UsersError::InvalidParam("the ID of a one-time key is too long".to_owned()));
        }
        if json.len() > MAX_KEY {
            return Err(UsersError::TooLarge("a one-time key is larger than 4 KiB"));
        }
        checked.entry(algorithm).or_default().insert(name.to_owned(), json);
    }
    Ok(checked)
}

/// Those keys that are not here yet and were never given out.
pub(crate) fn new_one_time_keys(
    view: &View,
    user: &UserId,
    device: &DeviceId,
    mut uploaded: UploadedKeys,
) -> Result<UploadedKeys, UsersError> {
    if uploaded.is_empty() {
        return Ok(uploaded);
    }
    let (mut held, mut algorithms) = (0, BTreeSet::new());
    for entry in view.scan(&schema::ONE_TIME_KEYS, Scan::prefix((user, device))) {
        let ((_, _, algorithm, _, name), here) = entry?;
        let algorithm = OneTimeKeyAlgorithm::from(algorithm);
        held += 1;
        if let Some(key) = uploaded.get_mut(&algorithm).and_then(|keys| keys.remove(&name))
            && key != json::stored_form(here)
        {
            return Err(UsersError::InvalidParam(format!(
                "another one-time key {algorithm}:{name} is here already"
            )));
        }
        algorithms.insert(algorithm);
    }
    for (algorithm, keys) in &mut uploaded {
        let mut given_out = Vec::new();
        for (name, key) in keys.iter() {
            let place = (user, device, algorithm.as_str(), name);
            let claimed = view.get(&schema::CLAIMED_ONE_TIME_KEYS, place)?;
            if claimed.is_some_and(|claimed| claimed.hash == hash(key)) {
                given_out.push(name.clone());
            }
        }
        given_out.iter().for_each(|name| drop(keys.remove(name)));
    }
    uploaded.retain(|_, keys| !keys.is_empty());
    algorithms.extend(uploaded.keys().cloned());
    if held + uploaded.values().map(BTreeMap::len).sum::<usize>() > MAX_ONE_TIME_KEYS {
        return Err(UsersError::LimitExceeded("this device has too many one-time keys"));
    }
    if algorithms.len() > MAX_ALGORITHMS {
        return Err(UsersError::LimitExceeded("this device has keys of too many algorithms"));
    }
    Ok(uploaded)
}

/// Those fallback keys that are not the ones here.
pub(crate) fn new_fallback_keys(
    view: &View,
    user: &UserId,
    device: &DeviceId,
    uploaded: UploadedKeys,
) -> Result<Vec<(OneTimeKeyAlgorithm, FallbackKeyRow)>, UsersError> {
    if uploaded.is_empty() {
        return Ok(Vec::new());
    }
    let mut here: BTreeMap<OneTimeKeyAlgorithm, FallbackKeyRow> = BTreeMap::new();
    for entry in view.scan(&schema::FALLBACK_KEYS, Scan::prefix((user, device))) {
        let ((_, _, algorithm), row) = entry?;
        here.insert(algorithm.into(), row);
    }
    let mut new = Vec::new();
    for (algorithm, keys) in uploaded {
        if keys.len() > 1 {
            return Err(UsersError::InvalidParam("more than one fallback key of an algorithm".to_owned()));
        }
        for (key_id, key) in keys {
            let row = FallbackKeyRow { key_id, key, used: false };
            let before = here.insert(algorithm.clone(), row.clone());
            if before.is_none_or(|before| before.key_id != row.key_id || before.key != row.key) {
                new.push((algorithm.clone(), row));
            }
        }
    }
    if here.len() > MAX_ALGORITHMS {
        return Err(UsersError::LimitExceeded("this device has keys of too many algorithms"));
    }
    Ok(new)
}

/// A key that is given out.
pub(crate) struct Claim<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) device: &'a DeviceId,
    pub(crate) id: OwnedOneTimeKeyId,
    pub(crate) key: Raw<OneTimeKey>,
    /// `None` for a fallback key that others got before.
    pub(crate) taken: Option<Taken>,
}

/// What is written when a key is given out.
pub(crate) enum Taken {
    OneTime {
        order: Position,
        name: String,
        hash: [u8; 32],
        /// Keys that were given out so long ago that they are forgotten: algorithm and name.
        forgotten: Vec<(String, String)>,
    },
    Fallback(FallbackKeyRow),
}

impl<'a> Claim<'a> {
    /// The key that a device's next claim gets.
    pub(crate) fn find(
        view: &View,
        user: &'a UserId,
        device: &'a DeviceId,
        algorithm: &OneTimeKeyAlgorithm,
    ) -> Result<Option<Self>, UsersError> {
        let one_time = Scan::prefix((user, device, algorithm.as_str()));
        let first = view.scan(&schema::ONE_TIME_KEYS, one_time).next().transpose()?;
        let (name, json, taken) = match first {
            Some(((_, _, _, order, name), json)) => {
                let forgotten = match order.0.is_multiple_of(SWEEP_EVERY) {
                    true => long_given_out(view, user, device)?,
                    false => Vec::new(),
                };
                let json = json::stored_form(json);
                let hash = hash(&json);
                (name.clone(), json, Some(Taken::OneTime { order, name, hash, forgotten }))
            }
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
        Ok(Some(Self { user, device, id, key, taken }))
    }

    /// Writes down that the key is given out. Says whether there is anything to write.
    pub(crate) fn take(&self, transaction: &mut Transaction) -> bool {
        let (user, device) = (self.user, self.device);
        let algorithm = self.id.algorithm();
        let algorithm = algorithm.as_str();
        match &self.taken {
            Some(Taken::OneTime { order, name, hash, forgotten }) => {
                transaction.delete(&schema::ONE_TIME_KEYS, (user, device, algorithm, *order, name));
                for (algorithm, name) in forgotten {
                    transaction.delete(&schema::CLAIMED_ONE_TIME_KEYS, (user, device, algorithm, name));
                }
                let row = ClaimedKeyRow { position: transaction.next_position(), hash: *hash };
                transaction.put(&schema::CLAIMED_ONE_TIME_KEYS, (user, device, algorithm, name), &row);
            }
            Some(Taken::Fallback(row)) => {
                transaction.put(&schema::FALLBACK_KEYS, (user, device, algorithm), row);
            }
            None => return false,
        }
        true
    }
}

/// The keys of a device that were given out before the last [`MAX_CLAIMED`].
fn long_given_out(
    view: &View,
    user: &UserId,
    device: &DeviceId,
) -> Result<Vec<(String, String)>, UsersError> {
    let mut claimed = Vec::new();
    for entry in view.scan(&schema::CLAIMED_ONE_TIME_KEYS, Scan::prefix((user, device))) {
        let ((_, _, algorithm, name), row) = entry?;
        claimed.push((row.position, (algorithm, name)));
    }
    claimed.sort_unstable();
    let excess = claimed.len().saturating_sub(MAX_CLAIMED);
    Ok(claimed.into_iter().take(excess).map(|(_, key)| key).collect())
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}
