//! What others may know of a user's keys (`POST /keys/query`).

use std::collections::BTreeMap;

use hearth_storage::{Scan, View, schema};
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, DeviceId, OwnedDeviceId, OwnedUserId, UserId,
    encryption::{CrossSigningKey, DeviceKeys as IdentityKeys},
    serde::Raw,
};

use crate::{
    DeviceKeys, UsersError,
    cross_signing::{MASTER, SELF_SIGNING, USER_SIGNING, public_key},
    signed_json,
};

/// The keys of the users asked for, as far as they are here.
#[derive(Clone, Debug, Default)]
pub struct QueriedKeys {
    pub device_keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Raw<IdentityKeys>>>,
    pub master_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    pub self_signing_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// At most the requester's own.
    pub user_signing_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
}

impl DeviceKeys {
    /// The identity keys of the devices asked for, of all devices where none is named, and the cross-signing
    /// keys of their users. With them go the signatures that the requester may see: the owner's and the
    /// requester's own. `None` asks for another server, which is not told the names of devices.
    pub fn query(
        &self,
        requester: Option<&UserId>,
        wanted: &BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>,
    ) -> Result<QueriedKeys, UsersError> {
        let view = self.shared.store.view();
        let mut found = QueriedKeys::default();
        for (user, devices) in wanted {
            let query = Query { view: &view, requester, owner: user };
            let keys = query.device_keys(devices)?;
            if !keys.is_empty() || view.contains(&schema::ACCOUNTS, (user,))? {
                found.device_keys.insert(user.clone(), keys);
            }
            if let Some(key) = query.cross_signing_key(MASTER)? {
                found.master_keys.insert(user.clone(), key);
            }
            if let Some(key) = query.cross_signing_key(SELF_SIGNING)? {
                found.self_signing_keys.insert(user.clone(), key);
            }
            if requester == Some(&**user)
                && let Some(key) = query.cross_signing_key(USER_SIGNING)?
            {
                found.user_signing_keys.insert(user.clone(), key);
            }
        }
        Ok(found)
    }

    /// A master key as its owner's server gives it, with the requester's signatures onto it: only this server has
    /// them.
    pub fn with_own_signatures(
        &self,
        requester: &UserId,
        owner: &UserId,
        key: &Raw<CrossSigningKey>,
    ) -> Result<Raw<CrossSigningKey>, UsersError> {
        let mut object = signed_json::parse(key.json().get())?;
        let id = public_key(&object).map(str::to_owned).unwrap_or_default();
        let query = Query { view: &self.shared.store.view(), requester: Some(requester), owner };
        query.complete_signatures(&mut object, &id)?;
        raw(&object)
    }

    /// A user's master and self-signing key, as another server sees them.
    pub(crate) fn shared_signing_keys(
        &self,
        user: &UserId,
    ) -> Result<[Option<Raw<CrossSigningKey>>; 2], UsersError> {
        let query = Query { view: &self.shared.store.view(), requester: None, owner: user };
        Ok([query.cross_signing_key(MASTER)?, query.cross_signing_key(SELF_SIGNING)?])
    }
}

struct Query<'a> {
    view: &'a View,
    requester: Option<&'a UserId>,
    owner: &'a UserId,
}

impl Query<'_> {
    fn device_keys(
        &self,
        devices: &[OwnedDeviceId],
    ) -> Result<BTreeMap<OwnedDeviceId, Raw<IdentityKeys>>, UsersError> {
        let mut stored = Vec::new();
        if devices.is_empty() {
            for entry in self.view.scan(&schema::DEVICE_KEYS, Scan::prefix((self.owner,))) {
                let ((_, device), json) = entry?;
                stored.push((device, json));
            }
        } else {
            for device in devices {
                let json = self.view.get(&schema::DEVICE_KEYS, (self.owner, device))?;
                stored.extend(json.map(|json| (device.clone(), json)));
            }
        }
        let mut keys = BTreeMap::new();
        for (device, json) in stored {
            let mut object = signed_json::parse_stored(&json)?;
            self.add_display_name(&mut object, &device)?;
            self.complete_signatures(&mut object, device.as_str())?;
            keys.insert(device, raw(&object)?);
        }
        Ok(keys)
    }

    fn add_display_name(
        &self,
        object: &mut CanonicalJsonObject,
        device: &DeviceId,
    ) -> Result<(), UsersError> {
        object.remove("unsigned");
        let row = self.view.get(&schema::DEVICES, (self.owner, device))?;
        if let Some(name) = row.and_then(|row| row.display_name) {
            let name = CanonicalJsonValue::String(name);
            let unsigned = CanonicalJsonObject::from([("device_display_name".to_owned(), name)]);
            object.insert("unsigned".to_owned(), CanonicalJsonValue::Object(unsigned));
        }
        Ok(())
    }

    fn cross_signing_key(&self, usage: &str) -> Result<Option<Raw<CrossSigningKey>>, UsersError> {
        let Some(json) = self.view.get(&schema::CROSS_SIGNING_KEYS, (self.owner, usage))? else {
            return Ok(None);
        };
        let mut object = signed_json::parse_stored(&json)?;
        let key = public_key(&object).map(str::to_owned);
        self.complete_signatures(&mut object, key.as_deref().unwrap_or_default())?;
        raw(&object).map(Some)
    }

    /// Adds the signatures that were uploaded onto a key, and drops what the requester may not see.
    fn complete_signatures(&self, object: &mut CanonicalJsonObject, key: &str) -> Result<(), UsersError> {
        let others = self.requester.filter(|requester| *requester != self.owner);
        let may_see = |signer: &str| signer == self.owner || others.is_some_and(|other| other == signer);
        signed_json::retain_signers(object, may_see);
        for signer in [Some(self.owner), others].into_iter().flatten() {
            for entry in self.view.scan(&schema::KEY_SIGNATURES, Scan::prefix((self.owner, key, signer))) {
                let ((_, _, _, key_id), signature) = entry?;
                signed_json::add_signature(object, signer, key_id, signature);
            }
        }
        Ok(())
    }
}

fn raw<T>(object: &CanonicalJsonObject) -> Result<Raw<T>, UsersError> {
    let json = serde_json::to_string(object).map_err(UsersError::corrupt)?;
    Raw::from_json_string(json).map_err(UsersError::corrupt)
}
