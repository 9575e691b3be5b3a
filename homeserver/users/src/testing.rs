//! What the tests of this crate stand on: users in memory, on a clock that stands still.

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::{
    ManualClock, MemoryEngine, SeededRandom, Store, StoreOptions, schema::users::AccountKind,
};
use ruma::{
    CanonicalJsonObject, OwnedDeviceId, OwnedOneTimeKeyId, OwnedUserId, UserId,
    encryption::OneTimeKey,
    serde::{Base64, Raw},
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value as JsonValue, json, value::RawValue};

use crate::{NewAccount, NewTokens, PasswordCost, Users, UsersOptions};

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    pub(crate) users: Users,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) engine: MemoryEngine,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(MemoryEngine::new())
    }

    fn on(engine: MemoryEngine) -> Self {
        let store = Store::open(engine.clone(), StoreOptions::default()).unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let options = UsersOptions { password_cost: PasswordCost::QUICK, ..UsersOptions::default() };
        let random = Arc::new(SeededRandom::new(1));
        let users = Users::new(store.clone(), clock.clone(), random, options).unwrap();
        Self { users, clock, store, engine }
    }

    /// The same data after a restart.
    pub(crate) fn restart(self) -> Self {
        self.store.close();
        Self::on(self.engine)
    }

    /// Makes an account with a password.
    pub(crate) async fn register(&self, name: &str) -> OwnedUserId {
        let user = UserId::parse(format!("@{name}:here")).unwrap();
        let account = NewAccount { password: Some(PASSWORD), kind: AccountKind::User, admin: false };
        self.users.accounts.create(&user, account).await.unwrap();
        user
    }

    /// Logs a device in that stays logged in.
    pub(crate) async fn login(&self, user: &UserId, device: &str) -> NewTokens {
        let device = OwnedDeviceId::from(device);
        self.users.sessions.create(user, Some(&device), Some("a phone"), false).await.unwrap()
    }
}

pub(crate) fn raw<T>(json: JsonValue) -> Raw<T> {
    Raw::new(&json).unwrap().cast_unchecked()
}

pub(crate) fn boxed(json: JsonValue) -> Box<RawValue> {
    serde_json::value::to_raw_value(&json).unwrap()
}

/// One-time keys of these names, all of the usual algorithm.
pub(crate) fn one_time_keys(names: &[String]) -> BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>> {
    let key = |name: &String| raw(json!({"key": name, "signatures": {}}));
    names.iter().map(|name| (format!("signed_curve25519:{name}").try_into().unwrap(), key(name))).collect()
}

/// A key that signs.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    pub(crate) public: String,
}

impl SigningKey {
    /// A key named by its own value, as cross-signing keys are.
    pub(crate) fn new() -> Self {
        Self::named(None)
    }

    /// A device's key.
    pub(crate) fn of_device(device: &str) -> Self {
        Self::named(Some(device))
    }

    fn named(name: Option<&str>) -> Self {
        let document = Ed25519KeyPair::generate();
        let public = Ed25519KeyPair::from_der(&document, String::new()).unwrap().public_key();
        let public = Base64::<ruma::serde::base64::Standard, _>::new(public.to_vec()).encode();
        let name = name.unwrap_or(&public).to_owned();
        Self { pair: Ed25519KeyPair::from_der(&document, name).unwrap(), public }
    }

    /// Signs an object in a user's name.
    pub(crate) fn sign(&self, user: &UserId, object: JsonValue) -> JsonValue {
        let mut object: CanonicalJsonObject = serde_json::from_value(object).unwrap();
        sign_json(user.as_str(), &self.pair, &mut object).unwrap();
        serde_json::to_value(object).unwrap()
    }
}

/// The identity keys of a device, signed by itself.
pub(crate) fn identity_keys(user: &UserId, device: &str, key: &SigningKey) -> JsonValue {
    let keys = json!({
        "user_id": user,
        "device_id": device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {format!("curve25519:{device}"): "curve", format!("ed25519:{device}"): key.public},
    });
    key.sign(user, keys)
}

/// A cross-signing key without signatures.
pub(crate) fn cross_signing_key(user: &UserId, usage: &str, key: &SigningKey) -> JsonValue {
    json!({"user_id": user, "usage": [usage], "keys": {format!("ed25519:{}", key.public): key.public}})
}
