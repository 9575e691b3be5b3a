use std::collections::BTreeMap;

use ruma::{OwnedUserId, device_id};
use serde_json::{Value as JsonValue, json};

use super::*;
use crate::testing::{SigningKey, World, cross_signing_key, identity_keys, raw};

/// A user with a device and a set of cross-signing keys, which are not uploaded yet.
struct Person {
    user: OwnedUserId,
    device: SigningKey,
    master: SigningKey,
    self_signing: SigningKey,
    user_signing: SigningKey,
}

impl Person {
    async fn new(world: &World, name: &str) -> Self {
        let user = world.register(name).await;
        world.login(&user, "PHONE").await;
        let device = SigningKey::of_device("PHONE");
        let keys = raw(identity_keys(&user, "PHONE", &device));
        let none = BTreeMap::new();
        let phone = device_id!("PHONE");
        world.users.device_keys.upload(&user, phone, Some(&keys), &none, &none).await.unwrap();
        let key = SigningKey::new;
        Self { user, device, master: key(), self_signing: key(), user_signing: key() }
    }

    async fn uploaded(world: &World, name: &str) -> Self {
        let person = Self::new(world, name).await;
        world.users.cross_signing.upload(&person.user, &person.upload(), true).await.unwrap();
        person
    }

    fn master_key(&self) -> JsonValue {
        cross_signing_key(&self.user, "master", &self.master)
    }

    fn upload(&self) -> CrossSigningUpload {
        let signed =
            |usage, key| raw(self.master.sign(&self.user, cross_signing_key(&self.user, usage, key)));
        CrossSigningUpload {
            master_key: Some(raw(self.master_key())),
            self_signing_key: Some(signed("self_signing", &self.self_signing)),
            user_signing_key: Some(signed("user_signing", &self.user_signing)),
        }
    }

    fn device_keys(&self) -> JsonValue {
        identity_keys(&self.user, "PHONE", &self.device)
    }
}

/// Uploads one signed object and says the error code, if it was not taken.
async fn sign(
    world: &World,
    signer: &UserId,
    owner: &UserId,
    key: &str,
    object: JsonValue,
) -> Option<&'static str> {
    let signed = serde_json::from_value(json!({owner.as_str(): {key: object}})).unwrap();
    let failures = world.users.cross_signing.upload_signatures(signer, &signed).await.unwrap();
    failures.get(owner).map(|keys| keys[key].errcode)
}

/// The signers of an object that a query gave.
fn signers<T>(object: &Raw<T>) -> Vec<(String, Vec<String>)> {
    let signatures = object.get_field::<BTreeMap<String, BTreeMap<String, String>>>("signatures").unwrap();
    signatures
        .unwrap_or_default()
        .into_iter()
        .map(|(user, keys)| (user, keys.into_keys().collect()))
        .collect()
}

#[tokio::test]
async fn new_keys_need_interactive_authentication_and_the_first_do_not() {
    let world = World::new();
    let alice = Person::new(&world, "alice").await;
    let cross_signing = &world.users.cross_signing;
    assert!(cross_signing.upload(&alice.user, &alice.upload(), false).await.unwrap());
    // The same again, as after a lost answer; with a new signature; and in part.
    let published = world.store.published();
    assert!(cross_signing.upload(&alice.user, &alice.upload(), false).await.unwrap());
    assert_eq!(world.store.published(), published);
    let signed = raw(alice.device.sign(&alice.user, alice.master_key()));
    let master_only = CrossSigningUpload { master_key: Some(signed), ..Default::default() };
    assert!(cross_signing.upload(&alice.user, &master_only, false).await.unwrap());
    let published = world.store.published();
    let other = Person { self_signing: SigningKey::new(), ..alice };
    assert!(!cross_signing.upload(&other.user, &other.upload(), false).await.unwrap());
    assert_eq!(world.store.published(), published);
    assert!(cross_signing.upload(&other.user, &other.upload(), true).await.unwrap());
}

#[tokio::test]
async fn of_two_first_uploads_at_once_one_needs_interactive_authentication() {
    let world = World::new();
    let alice = Person::new(&world, "alice").await;
    let upload = |key: &SigningKey| CrossSigningUpload {
        master_key: Some(raw(cross_signing_key(&alice.user, "master", key))),
        ..Default::default()
    };
    let (one, other) = (upload(&SigningKey::new()), upload(&SigningKey::new()));
    let cross_signing = &world.users.cross_signing;
    let (one, other) = tokio::join!(
        cross_signing.upload(&alice.user, &one, false),
        cross_signing.upload(&alice.user, &other, false)
    );
    assert!(one.unwrap() != other.unwrap());
}

#[tokio::test]
async fn keys_must_be_signed_by_the_master_key() {
    let world = World::new();
    let alice = Person::new(&world, "alice").await;
    let upload = alice.upload();
    let without_master = CrossSigningUpload { master_key: None, ..upload.clone() };
    let refused = world.users.cross_signing.upload(&alice.user, &without_master, true).await;
    assert!(matches!(refused, Err(UsersError::MissingParam(_))));
    let unsigned = raw(cross_signing_key(&alice.user, "self_signing", &alice.self_signing));
    let unsigned = CrossSigningUpload { self_signing_key: Some(unsigned), ..upload.clone() };
    let refused = world.users.cross_signing.upload(&alice.user, &unsigned, true).await;
    assert!(matches!(refused, Err(UsersError::InvalidSignature(_))));
    let other_master = raw(cross_signing_key(&alice.user, "master", &SigningKey::new()));
    let mismatch = CrossSigningUpload { master_key: Some(other_master), ..upload.clone() };
    let refused = world.users.cross_signing.upload(&alice.user, &mismatch, true).await;
    assert!(matches!(refused, Err(UsersError::InvalidSignature(_))));
    // With the master key there, others may come without it.
    world.users.cross_signing.upload(&alice.user, &upload, true).await.unwrap();
    world.users.cross_signing.upload(&alice.user, &without_master, true).await.unwrap();
}

#[tokio::test]
async fn keys_must_be_the_users_own_and_no_devices() {
    let world = World::new();
    let alice = Person::new(&world, "alice").await;
    let bob = Person::new(&world, "bob").await;
    let refused = world.users.cross_signing.upload(&alice.user, &bob.upload(), true).await;
    assert!(matches!(refused, Err(UsersError::InvalidParam(_))));
    let wrong_usage = raw(cross_signing_key(&alice.user, "self_signing", &alice.master));
    let wrong_usage = CrossSigningUpload { master_key: Some(wrong_usage), ..Default::default() };
    let refused = world.users.cross_signing.upload(&alice.user, &wrong_usage, true).await;
    assert!(matches!(refused, Err(UsersError::InvalidParam(_))));
    world.login(&alice.user, &alice.master.public).await;
    let refused = world.users.cross_signing.upload(&alice.user, &alice.upload(), true).await;
    assert!(matches!(refused, Err(UsersError::Forbidden(_))));
}

#[tokio::test]
async fn a_new_master_key_ends_the_keys_before() {
    let world = World::new();
    let alice = Person::uploaded(&world, "alice").await;
    let new = SigningKey::new();
    let master_key = Some(raw(cross_signing_key(&alice.user, "master", &new)));
    let upload = CrossSigningUpload { master_key, ..Default::default() };
    world.users.cross_signing.upload(&alice.user, &upload, true).await.unwrap();
    let wanted = [(alice.user.clone(), vec![])].into();
    let keys = world.users.device_keys.query(Some(&alice.user), &wanted).unwrap();
    assert!(keys.master_keys.contains_key(&alice.user));
    assert!(keys.self_signing_keys.is_empty() && keys.user_signing_keys.is_empty());
}

#[tokio::test]
async fn a_device_is_signed_by_the_self_signing_key() {
    let world = World::new();
    let alice = Person::uploaded(&world, "alice").await;
    let user = &alice.user;
    let right = alice.self_signing.sign(user, alice.device_keys());
    assert_eq!(sign(&world, user, user, "PHONE", right.clone()).await, None);
    // By another key, over another object, with a broken signature, onto what is not there.
    let wrong = alice.user_signing.sign(user, alice.device_keys());
    assert_eq!(sign(&world, user, user, "PHONE", wrong).await, Some("M_INVALID_SIGNATURE"));
    let mut other = alice.device_keys();
    other["algorithms"] = json!([]);
    let other = alice.self_signing.sign(user, other);
    assert_eq!(sign(&world, user, user, "PHONE", other).await, Some("M_INVALID_PARAM"));
    let mut broken = right.clone();
    broken["signatures"][user.as_str()][format!("ed25519:{}", alice.self_signing.public)] = json!("AAAA");
    assert_eq!(sign(&world, user, user, "PHONE", broken).await, Some("M_INVALID_SIGNATURE"));
    assert_eq!(sign(&world, user, user, "GONE", right).await, Some("M_NOT_FOUND"));

    let wanted = [(user.clone(), vec![])].into();
    let keys = world.users.device_keys.query(Some(user), &wanted).unwrap();
    let phone = &keys.device_keys[user][device_id!("PHONE")];
    let mut by = vec!["ed25519:PHONE".to_owned(), format!("ed25519:{}", alice.self_signing.public)];
    by.sort();
    assert_eq!(signers(phone), [(user.to_string(), by)]);
    let unsigned = phone.get_field::<JsonValue>("unsigned").unwrap().unwrap();
    assert_eq!(unsigned, json!({"device_display_name": "a phone"}));
}

#[tokio::test]
async fn new_identity_keys_are_without_the_signatures_of_the_old() {
    let world = World::new();
    let alice = Person::uploaded(&world, "alice").await;
    let signed = alice.self_signing.sign(&alice.user, alice.device_keys());
    assert_eq!(sign(&world, &alice.user, &alice.user, "PHONE", signed).await, None);
    let new = raw(identity_keys(&alice.user, "PHONE", &SigningKey::of_device("PHONE")));
    let (none, phone) = (BTreeMap::new(), device_id!("PHONE"));
    world.users.device_keys.upload(&alice.user, phone, Some(&new), &none, &none).await.unwrap();
    let keys = world.users.device_keys.query(None, &[(alice.user.clone(), vec![])].into()).unwrap();
    assert_eq!(signers(&keys.device_keys[&alice.user][phone])[0].1, ["ed25519:PHONE"]);
}

#[tokio::test]
async fn a_master_key_is_signed_by_the_users_devices() {
    let world = World::new();
    let alice = Person::uploaded(&world, "alice").await;
    let (user, master) = (&alice.user, &alice.master.public);
    let signed = alice.device.sign(user, alice.master_key());
    assert_eq!(sign(&world, user, user, master, signed).await, None);
    let unknown = SigningKey::of_device("OTHER").sign(user, alice.master_key());
    assert_eq!(sign(&world, user, user, master, unknown).await, Some("M_INVALID_SIGNATURE"));
}

#[tokio::test]
async fn what_one_user_thinks_of_another_is_theirs_alone() {
    let world = World::new();
    let alice = Person::uploaded(&world, "alice").await;
    let bob = Person::uploaded(&world, "bob").await;
    let carol = Person::uploaded(&world, "carol").await;
    let (user, master) = (&bob.user, &bob.master.public);
    let before = world.store.published();
    let signed = alice.user_signing.sign(&alice.user, bob.master_key());
    assert_eq!(sign(&world, &alice.user, user, master, signed).await, None);
    let changes = world.users.device_keys.list_changes(before, world.store.published(), 9).unwrap();
    assert_eq!(changes, std::slice::from_ref(user));
    let wrong = alice.self_signing.sign(&alice.user, bob.master_key());
    assert_eq!(sign(&world, &alice.user, user, master, wrong).await, Some("M_INVALID_SIGNATURE"));
    let device = alice.user_signing.sign(&alice.user, bob.device_keys());
    assert_eq!(sign(&world, &alice.user, user, "PHONE", device).await, Some("M_NOT_FOUND"));

    let wanted = [(user.clone(), vec![])].into();
    let keys = &world.users.device_keys;
    let seen_by =
        |requester: Option<&UserId>| signers(&keys.query(requester, &wanted).unwrap().master_keys[user]);
    let by_alice = vec![(alice.user.to_string(), vec![format!("ed25519:{}", alice.user_signing.public)])];
    assert_eq!(seen_by(Some(&alice.user)), by_alice);
    for requester in [None, Some(&*carol.user), Some(&*bob.user)] {
        assert_eq!(seen_by(requester), []);
    }
    // The user-signing key itself is its owner's secret.
    assert!(keys.query(Some(&alice.user), &wanted).unwrap().user_signing_keys.is_empty());
    assert!(keys.query(Some(user), &wanted).unwrap().user_signing_keys.contains_key(user));
}

#[tokio::test]
async fn users_of_other_servers_are_signed_too() {
    let world = World::new();
    let alice = Person::uploaded(&world, "alice").await;
    let bob = ruma::user_id!("@bob:elsewhere");
    let key = SigningKey::new();
    let master = cross_signing_key(bob, "master", &key);
    let signed = alice.user_signing.sign(&alice.user, master.clone());
    // Only of what their server told.
    let signs = async || sign(&world, &alice.user, bob, &key.public, signed.clone()).await;
    assert_eq!(signs().await, Some("M_NOT_FOUND"));
    let cross_signing = &world.users.cross_signing;
    let told = raw::<CrossSigningKey>(master.clone());
    assert!(cross_signing.keep_remote_master_key(&alice.user, &told).await.is_err());
    cross_signing.keep_remote_master_key(bob, &told).await.unwrap();
    assert_eq!(signs().await, None);
    let seen = |by: &UserId| {
        let key = world.users.device_keys.with_own_signatures(by, bob, &told).unwrap();
        signers(&key).into_iter().map(|(user, _)| user).collect::<Vec<_>>()
    };
    assert_eq!(seen(&alice.user), [alice.user.to_string()]);
    assert!(seen(ruma::user_id!("@carol:localhost")).is_empty());
}
