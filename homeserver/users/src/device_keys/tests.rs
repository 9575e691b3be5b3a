use std::{collections::HashSet, time::Duration};

use hearth_storage::{Faults, Position};
use ruma::{device_id, uint};
use serde_json::json;

use super::*;
use crate::testing::{SigningKey, World, identity_keys, one_time_keys, raw};

const ALGORITHM: OneTimeKeyAlgorithm = OneTimeKeyAlgorithm::SignedCurve25519;

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number:02}")).collect()
}

fn phone() -> &'static DeviceId {
    device_id!("PHONE")
}

async fn world_with(one_time: &[String], fallback: &[String]) -> (World, OwnedUserId) {
    let world = World::new();
    let user = world.register("alice").await;
    world.login(&user, "PHONE").await;
    let (one_time, fallback) = (one_time_keys(one_time), one_time_keys(fallback));
    world.users.device_keys.upload(&user, phone(), None, &one_time, &fallback).await.unwrap();
    (world, user)
}

/// Claims one key and says its name.
async fn claim(world: &World, user: &UserId) -> Option<String> {
    let wanted = [(user.to_owned(), [(phone().to_owned(), ALGORITHM)].into())].into();
    let claimed = world.users.device_keys.claim(&wanted).await.unwrap();
    let (id, _) = claimed.get(user)?.get(phone())?.first_key_value()?;
    Some(id.as_str().strip_prefix("signed_curve25519:").unwrap().to_owned())
}

#[tokio::test]
async fn keys_are_given_out_in_the_order_of_their_uploads() {
    let (world, user) = world_with(&["z".to_owned()], &[]).await;
    let none = BTreeMap::new();
    for name in ["m", "a"] {
        let keys = one_time_keys(&[name.to_owned()]);
        world.users.device_keys.upload(&user, phone(), None, &keys, &none).await.unwrap();
    }
    for expected in [Some("z"), Some("m"), Some("a"), None] {
        assert_eq!(claim(&world, &user).await.as_deref(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_given_out_twice() {
    let (world, user) = world_with(&names("k", 40), &["fallback".to_owned()]).await;
    // Slow enough that each claim comes while others are being written.
    world.engine.set_faults(Faults { delay: Duration::from_millis(2), ..Faults::default() });
    let claims = futures::future::join_all((0..60).map(|_| claim(&world, &user))).await;
    let claims: Vec<String> = claims.into_iter().flatten().collect();
    assert_eq!(claims.len(), 60);
    let one_time: Vec<_> = claims.iter().filter(|name| *name != "fallback").collect();
    assert_eq!(one_time.len(), 40);
    assert_eq!(one_time.into_iter().collect::<HashSet<_>>().len(), 40);
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_still_takes_its_key() {
    let (world, user) = world_with(&names("k", 2), &[]).await;
    world.engine.set_faults(Faults { delay: Duration::from_millis(50), ..Faults::default() });
    // Polled once: the write is queued, and then the client goes away.
    assert!(tokio::time::timeout(Duration::ZERO, claim(&world, &user)).await.is_err());
    assert_eq!(claim(&world, &user).await.as_deref(), Some("k01"));
}

#[tokio::test]
async fn a_fallback_key_is_used_until_it_is_replaced() {
    let (world, user) = world_with(&[], &["one".to_owned()]).await;
    let keys = &world.users.device_keys;
    assert_eq!(keys.counts(&user, phone()).unwrap().unused_fallback_key_types, [ALGORITHM]);
    assert_eq!(claim(&world, &user).await.as_deref(), Some("one"));
    assert_eq!(claim(&world, &user).await.as_deref(), Some("one"));
    assert_eq!(keys.counts(&user, phone()).unwrap().unused_fallback_key_types, []);
    // The same key again is not a new one.
    let none = BTreeMap::new();
    let same = one_time_keys(&["one".to_owned()]);
    assert_eq!(keys.upload(&user, phone(), None, &none, &same).await.unwrap().unused_fallback_key_types, []);
    let new = one_time_keys(&["two".to_owned()]);
    let counts = keys.upload(&user, phone(), None, &none, &new).await.unwrap();
    assert_eq!(counts.unused_fallback_key_types, [ALGORITHM]);
    let two = one_time_keys(&["three".to_owned(), "four".to_owned()]);
    let refused = keys.upload(&user, phone(), None, &none, &two).await;
    assert!(matches!(refused, Err(UsersError::InvalidParam(_))));
}

#[tokio::test]
async fn counts_follow_uploads_and_claims() {
    let (world, user) = world_with(&names("k", 3), &[]).await;
    let count = || world.users.device_keys.counts(&user, phone()).unwrap().one_time_keys[&ALGORITHM];
    assert_eq!(count(), uint!(3));
    claim(&world, &user).await;
    assert_eq!(count(), uint!(2));
    let unknown = world.users.device_keys.counts(&user, device_id!("OTHER")).unwrap();
    assert_eq!(unknown.one_time_keys[&ALGORITHM], uint!(0));
}

#[tokio::test]
async fn a_key_of_the_same_name_and_another_value_is_refused() {
    let (world, user) = world_with(&names("k", 1), &[]).await;
    let keys = &world.users.device_keys;
    let none = BTreeMap::new();
    // The same again is what a client sends whose answer was lost.
    let same = one_time_keys(&names("k", 1));
    let counts = keys.upload(&user, phone(), None, &same, &none).await.unwrap();
    assert_eq!(counts.one_time_keys[&ALGORITHM], uint!(1));
    let mut other = one_time_keys(&names("n", 1));
    other.insert("signed_curve25519:k00".try_into().unwrap(), raw(json!({"key": "x", "signatures": {}})));
    let refused = keys.upload(&user, phone(), None, &other, &none).await;
    assert!(matches!(refused, Err(UsersError::InvalidParam(_))));
    assert_eq!(keys.counts(&user, phone()).unwrap().one_time_keys[&ALGORITHM], uint!(1));
}

#[tokio::test]
async fn a_key_that_was_given_out_is_never_taken_in_again() {
    let (world, user) = world_with(&names("k", 1), &[]).await;
    let (keys, none) = (&world.users.device_keys, BTreeMap::new());
    assert_eq!(claim(&world, &user).await.as_deref(), Some("k00"));
    // What a client sends that has not heard that its key was taken in.
    let again = keys.upload(&user, phone(), None, &one_time_keys(&names("k", 1)), &none).await.unwrap();
    assert_eq!(again.one_time_keys[&ALGORITHM], uint!(0));
    assert_eq!(claim(&world, &user).await, None);
    // A client that lost its keys begins to count anew.
    let other = raw(json!({"key": "x", "signatures": {}}));
    let anew = [("signed_curve25519:k00".try_into().unwrap(), other)].into();
    keys.upload(&user, phone(), None, &anew, &none).await.unwrap();
    assert_eq!(claim(&world, &user).await.as_deref(), Some("k00"));
}

#[tokio::test]
async fn keys_are_bounded() {
    let (world, user) = world_with(&names("k", 1000), &[]).await;
    let (keys, none) = (&world.users.device_keys, BTreeMap::new());
    let upload = async |keys_of: BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>, fallback: bool| match fallback
    {
        true => keys.upload(&user, phone(), None, &none, &keys_of).await,
        false => keys.upload(&user, phone(), None, &keys_of, &none).await,
    };
    let one = |id: String, value: String| [(id.try_into().unwrap(), raw(json!({"key": value})))].into();
    assert!(matches!(upload(one_time_keys(&names("n", 1)), false).await, Err(UsersError::LimitExceeded(_))));
    claim(&world, &user).await;
    upload(one_time_keys(&names("n", 1)), false).await.unwrap();
    for number in 0..10 {
        upload(one(format!("algorithm{number}:k"), String::new()), true).await.unwrap();
    }
    let algorithm = upload(one("another:k".to_owned(), String::new()), true).await;
    assert!(matches!(algorithm, Err(UsersError::LimitExceeded(_))));
    for id in [format!("{}:k", "a".repeat(65)), format!("a:{}", "k".repeat(256))] {
        assert!(matches!(upload(one(id, String::new()), false).await, Err(UsersError::InvalidParam(_))));
    }
    let large = upload(one("a:k".to_owned(), "x".repeat(5000)), false).await;
    assert!(matches!(large, Err(UsersError::TooLarge(_))));
}

#[tokio::test]
async fn a_signature_of_identity_keys_is_their_devices() {
    let (world, user) = world_with(&[], &[]).await;
    let (keys, none) = (&world.users.device_keys, BTreeMap::new());
    let signed = identity_keys(&user, "PHONE", &SigningKey::of_device("PHONE"));
    let mut unsigned = signed.clone();
    unsigned["signatures"] = json!({});
    keys.upload(&user, phone(), Some(&raw(unsigned)), &none, &none).await.unwrap();
    let mut changed = signed.clone();
    changed["algorithms"] = json!(["m.other"]);
    let mut without_key = signed.clone();
    without_key["keys"].as_object_mut().unwrap().remove("ed25519:PHONE");
    for bad in [changed, without_key] {
        let refused = keys.upload(&user, phone(), Some(&raw(bad)), &none, &none).await;
        assert!(matches!(refused, Err(UsersError::InvalidSignature(_))), "{refused:?}");
    }
    let mut large = signed.clone();
    large["unsigned"] = json!({"x": "y".repeat(20_000)});
    let refused = keys.upload(&user, phone(), Some(&raw(large)), &none, &none).await;
    assert!(matches!(refused, Err(UsersError::TooLarge(_))));
    keys.upload(&user, phone(), Some(&raw(signed)), &none, &none).await.unwrap();
}

#[tokio::test]
async fn identity_keys_must_be_the_devices_own() {
    let (world, user) = world_with(&[], &[]).await;
    let none = BTreeMap::new();
    let keys = &world.users.device_keys;
    let others = raw(identity_keys(&user, "OTHER", &SigningKey::of_device("OTHER")));
    let refused = keys.upload(&user, phone(), Some(&others), &none, &none).await;
    assert!(matches!(refused, Err(UsersError::InvalidParam(_))));
    let refused = keys.upload(&user, device_id!("GONE"), None, &none, &none).await;
    assert!(matches!(refused, Err(UsersError::NotFound(_))));
}

#[tokio::test]
async fn only_a_real_change_is_a_change_of_the_device_list() {
    let (world, user) = world_with(&[], &[]).await;
    let none = BTreeMap::new();
    let keys = &world.users.device_keys;
    let identity = raw(identity_keys(&user, "PHONE", &SigningKey::of_device("PHONE")));
    let start = world.store.published();
    keys.upload(&user, phone(), Some(&identity), &none, &none).await.unwrap();
    let changed = world.store.published();
    keys.upload(&user, phone(), Some(&identity), &none, &none).await.unwrap();
    assert_eq!(world.store.published(), changed);
    assert_eq!(keys.list_changes(start, changed, 9).unwrap(), std::slice::from_ref(&user));
    assert!(keys.list_changes(changed, Position(u64::MAX), 9).unwrap().is_empty());
    // Also after a restart, when the newest change is not in memory.
    let world = world.restart();
    assert_eq!(world.users.device_keys.list_changes(start, changed, 9).unwrap(), [user]);
}
