//! Signatures onto keys (`POST /keys/signatures/upload`).

use std::collections::{BTreeMap, BTreeSet};

use hearth_storage::{View, schema};
use ruma::{
    CanonicalJsonObject, DeviceId, OwnedUserId, UserId, api::client::keys::upload_signatures::v3::SignedKeys,
};
use serde::Serialize;

use crate::{
    CrossSigning, UsersError,
    cross_signing::{MASTER, SELF_SIGNING, USER_SIGNING, public_key, stored_key},
    device_keys::signing_keys,
    signed_json,
};

/// Why the signatures onto one key were not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SignatureFailure {
    pub errcode: &'static str,
    pub error: String,
}

/// Signatures that may be stored: signing key id and signature.
type Accepted = Vec<(String, String)>;

impl CrossSigning {
    /// Stores signatures of a user's onto their own devices (by their self-signing key), onto their own master
    /// key (by their devices) and onto the master keys of others (by their user-signing key). What is signed
    /// must be what is here, and each signature must be right. Says which keys' were not taken, and why.
    pub async fn upload_signatures(
        &self,
        user: &UserId,
        signed: &BTreeMap<OwnedUserId, SignedKeys>,
    ) -> Result<BTreeMap<OwnedUserId, BTreeMap<String, SignatureFailure>>, UsersError> {
        let guard = self.shared.locks.lock_all(signed.keys().map(|owner| &**owner).chain([user])).await;
        let view = self.shared.store.written();
        let signer = Signer { view: &view, user };
        let mut failures: BTreeMap<OwnedUserId, BTreeMap<String, SignatureFailure>> = BTreeMap::new();
        let mut accepted = Vec::new();
        for (owner, keys) in signed {
            for (key, json) in keys.iter() {
                match signer.check(owner, key, json.get())? {
                    Ok(signatures) => accepted.push((&**owner, key, signatures)),
                    Err(failure) => {
                        failures.entry(owner.clone()).or_default().insert(key.to_owned(), failure);
                    }
                }
            }
        }
        if accepted.is_empty() {
            return Ok(failures);
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            for (owner, key, signatures) in &accepted {
                for (key_id, signature) in signatures {
                    transaction.put(&schema::KEY_SIGNATURES, (*owner, *key, user, key_id), signature);
                }
            }
            let owners: BTreeSet<&UserId> = accepted.iter().map(|(owner, ..)| *owner).collect();
            for owner in owners {
                if owner != user {
                    // Only the signer sees it.
                    self.shared.change_device_list(&mut transaction, owner)?;
                    continue;
                }
                let own = || accepted.iter().filter(|(owner, ..)| *owner == user).map(|(_, key, _)| *key);
                let mut devices = Vec::new();
                for key in own() {
                    let device = <&DeviceId>::from(key);
                    if view.contains(&schema::DEVICE_KEYS, (user, device))? {
                        devices.push(device);
                    }
                }
                let signing = devices.len() < own().count();
                self.shared.change_shared_keys(&mut transaction, user, &devices, signing)?;
            }
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(failures)
    }
}

struct Signer<'a> {
    view: &'a View,
    user: &'a UserId,
}

impl Signer<'_> {
    fn check(
        &self,
        owner: &UserId,
        key: &str,
        json: &str,
    ) -> Result<Result<Accepted, SignatureFailure>, UsersError> {
        let Ok(object) = signed_json::parse(json) else {
            return Ok(Err(failure("M_BAD_JSON", "not an object")));
        };
        let master = stored_key(self.view, owner, MASTER)?;
        if let Some(master) = master
            && public_key(&master) == Some(key)
        {
            return self.check_master(owner, &object, &master);
        }
        if owner == self.user
            && let Some(stored) = self.view.get(&schema::DEVICE_KEYS, (owner, <&DeviceId>::from(key)))?
        {
            let signing = self.cross_signing_key(SELF_SIGNING)?;
            return Ok(self.check_signatures(&object, &signed_json::parse_stored(&stored)?, &signing));
        }
        Ok(Err(failure("M_NOT_FOUND", "there is no such key that you may sign")))
    }

    fn check_master(
        &self,
        owner: &UserId,
        object: &CanonicalJsonObject,
        master: &CanonicalJsonObject,
    ) -> Result<Result<Accepted, SignatureFailure>, UsersError> {
        let signing = if owner == self.user {
            let devices = signed_json::signatures_by(object, self.user)
                .filter_map(|(key_id, _)| key_id.strip_prefix("ed25519:"))
                .map(<&DeviceId>::from)
                .collect();
            signing_keys(self.view, self.user, &devices)?
        } else {
            self.cross_signing_key(USER_SIGNING)?
        };
        Ok(self.check_signatures(object, master, &signing))
    }

    /// The signer's key of this usage, by its id.
    fn cross_signing_key(&self, usage: &str) -> Result<BTreeMap<String, String>, UsersError> {
        let key = stored_key(self.view, self.user, usage)?;
        let public = key.as_ref().and_then(public_key);
        Ok(public.map(|public| (format!("ed25519:{public}"), public.to_owned())).into_iter().collect())
    }

    /// The signatures by the keys that may sign. Others are passed over, as the object may have brought some
    /// along; one at least must be there.
    fn check_signatures(
        &self,
        object: &CanonicalJsonObject,
        stored: &CanonicalJsonObject,
        signing: &BTreeMap<String, String>,
    ) -> Result<Accepted, SignatureFailure> {
        if !signed_json::same_but_signatures(object, stored) {
            return Err(failure("M_INVALID_PARAM", "the key is not the one that is here"));
        }
        let mut accepted = Accepted::new();
        for (key_id, signature) in signed_json::signatures_by(object, self.user) {
            let Some(public) = signing.get(key_id) else { continue };
            signed_json::verify(object, public, signature)
                .map_err(|error| failure("M_INVALID_SIGNATURE", &error.to_string()))?;
            accepted.push((key_id.to_owned(), signature.to_owned()));
        }
        if accepted.is_empty() {
            return Err(failure(
                "M_INVALID_SIGNATURE",
                "there is no signature by a key that may sign this one",
            ));
        }
        Ok(accepted)
    }
}

fn failure(errcode: &'static str, error: &str) -> SignatureFailure {
    SignatureFailure { errcode, error: error.to_owned() }
}
