//! Cross-signing keys (client-server API, "Cross-signing").

use std::sync::Arc;

use hearth_storage::{View, schema};
use ruma::{
    CanonicalJsonObject, DeviceId, UserId,
    encryption::{CrossSigningKey, KeyUsage},
    serde::Raw,
};

use crate::{UsersError, shared::Shared, signed_json};

pub(crate) const MASTER: &str = "master";
pub(crate) const SELF_SIGNING: &str = "self_signing";
pub(crate) const USER_SIGNING: &str = "user_signing";

/// The largest key with its signatures, in bytes.
const MAX_KEY: usize = 16 << 10;

/// The cross-signing keys of users.
#[derive(Clone)]
pub struct CrossSigning {
    pub(crate) shared: Arc<Shared>,
}

/// What a client uploads (`POST /keys/device_signing/upload`).
#[derive(Clone, Debug, Default)]
pub struct CrossSigningUpload {
    pub master_key: Option<Raw<CrossSigningKey>>,
    pub self_signing_key: Option<Raw<CrossSigningKey>>,
    pub user_signing_key: Option<Raw<CrossSigningKey>>,
}

impl CrossSigningUpload {
    fn by_usage(&self) -> impl Iterator<Item = (&'static str, &Raw<CrossSigningKey>)> {
        [
            (MASTER, &self.master_key),
            (SELF_SIGNING, &self.self_signing_key),
            (USER_SIGNING, &self.user_signing_key),
        ]
        .into_iter()
        .filter_map(|(usage, key)| key.as_ref().map(|key| (usage, key)))
    }
}

impl CrossSigning {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Stores the keys. A new master key takes the place of all keys before. Says `false`, and stores nothing, where
    /// the user has to confirm it first by user-interactive authentication and has not: not when they have no master
    /// key yet, nor when all keys of the upload are here already.
    ///
    /// # Errors
    ///
    /// [`UsersError::MissingParam`] without a master key, [`UsersError::InvalidSignature`] when another key
    /// is not signed by it, [`UsersError::Forbidden`] for a key that is the id of a device.
    pub async fn upload(
        &self,
        user: &UserId,
        upload: &CrossSigningUpload,
        confirmed: bool,
    ) -> Result<bool, UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let stored_master = stored_key(&view, user, MASTER)?;
        let mut uploaded = Vec::new();
        for (usage, key) in upload.by_usage() {
            let object = check_key(user, usage, key)?;
            if view.contains(&schema::DEVICES, (user, <&DeviceId>::from(public_key_of(&object)?)))? {
                return Err(UsersError::Forbidden("the key is the ID of a device"));
            }
            uploaded.push((usage, key, object));
        }
        if !confirmed && stored_master.is_some() && !are_here(&view, user, &uploaded)? {
            return Ok(false);
        }
        let new_master = uploaded.iter().find(|(usage, ..)| *usage == MASTER).map(|(_, _, object)| object);
        let master = new_master.or(stored_master.as_ref());
        let master = public_key_of(master.ok_or(UsersError::MissingParam("there is no master key"))?)?;
        for (usage, _, object) in &uploaded {
            if *usage != MASTER {
                check_signed_by(object, user, master)?;
            }
        }
        let replaced = match &stored_master {
            Some(stored) if public_key_of(stored)? != master => Some(public_key_of(stored)?),
            _ => None,
        };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            if let Some(replaced) = replaced {
                transaction.delete_prefix(&schema::CROSS_SIGNING_KEYS, (user,))?;
                transaction.delete_prefix(&schema::KEY_SIGNATURES, (user, replaced))?;
            }
            let mut changed = false;
            for (usage, key, _) in &uploaded {
                let json = key.json().get().to_owned();
                if view.get(&schema::CROSS_SIGNING_KEYS, (user, *usage))?.as_ref() != Some(&json) {
                    transaction.put(&schema::CROSS_SIGNING_KEYS, (user, *usage), &json);
                    changed = true;
                }
            }
            if !changed {
                return Ok(true);
            }
            self.shared.change_shared_keys(&mut transaction, user, &[], true)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(true)
    }

    /// Keeps the master key of a user of another server, as that server gives it, for the signatures of users of this
    /// one to be checked against.
    ///
    /// # Errors
    ///
    /// [`UsersError::InvalidParam`] if it is no master key of that user's.
    pub async fn keep_remote_master_key(
        &self,
        owner: &UserId,
        key: &Raw<CrossSigningKey>,
    ) -> Result<(), UsersError> {
        check_key(owner, MASTER, key)?;
        let guard = self.shared.locks.lock(owner).await;
        let json = key.json().get().to_owned();
        let known = self.shared.store.written().get(&schema::CROSS_SIGNING_KEYS, (owner, MASTER))?;
        if known.as_ref() == Some(&json) {
            return self.shared.nothing_to_write(guard).await;
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::CROSS_SIGNING_KEYS, (owner, MASTER), &json);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

/// Whether these keys are the user's already, whatever their signatures are.
fn are_here(
    view: &View,
    user: &UserId,
    uploaded: &[(&'static str, &Raw<CrossSigningKey>, CanonicalJsonObject)],
) -> Result<bool, UsersError> {
    for (usage, _, object) in uploaded {
        let here = stored_key(view, user, usage)?;
        if here.is_none_or(|here| !signed_json::same_but_signatures(&here, object)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A user's key of this usage.
pub(crate) fn stored_key(
    view: &View,
    user: &UserId,
    usage: &str,
) -> Result<Option<CanonicalJsonObject>, UsersError> {
    let json = view.get(&schema::CROSS_SIGNING_KEYS, (user, usage))?;
    json.map(|json| signed_json::parse_stored(&json)).transpose()
}

/// The public key in base64: the one property of `keys`.
pub(crate) fn public_key(key: &CanonicalJsonObject) -> Option<&str> {
    key.get("keys")?.as_object()?.values().next()?.as_str()
}

fn public_key_of(key: &CanonicalJsonObject) -> Result<&str, UsersError> {
    public_key(key).ok_or_else(|| UsersError::InvalidParam("a cross-signing key without a key".to_owned()))
}

fn check_key(
    user: &UserId,
    usage: &str,
    key: &Raw<CrossSigningKey>,
) -> Result<CanonicalJsonObject, UsersError> {
    if key.json().get().len() > MAX_KEY {
        return Err(UsersError::TooLarge("a cross-signing key is larger than 16 KiB"));
    }
    let parsed = key.deserialize().map_err(UsersError::bad_json)?;
    let invalid = |what: &str| Err(UsersError::InvalidParam(format!("the {usage} key {what}")));
    if parsed.user_id != user {
        return invalid("is another user's");
    }
    if !parsed.usage.contains(&KeyUsage::from(usage)) {
        return invalid("is not for this usage");
    }
    let mut keys = parsed.keys.iter();
    let (Some((id, public)), None) = (keys.next(), keys.next()) else {
        return invalid("must have exactly one key");
    };
    if id.as_str().strip_prefix("ed25519:") != Some(public) {
        return invalid("must be named by its own value");
    }
    signed_json::parse(key.json().get())
}

fn check_signed_by(object: &CanonicalJsonObject, user: &UserId, master: &str) -> Result<(), UsersError> {
    let id = format!("ed25519:{master}");
    let signature = signed_json::signatures_by(object, user).find(|(key_id, _)| *key_id == id);
    match signature {
        Some((_, signature)) => signed_json::verify(object, master, signature),
        None => Err(UsersError::InvalidSignature("the key is not signed by the master key".to_owned())),
    }
}

#[cfg(test)]
mod tests;
