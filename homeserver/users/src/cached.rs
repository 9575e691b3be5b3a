//! What the caches of users may take together, and what each value takes.

use std::{collections::HashSet, sync::Arc};

use hearth_storage::{Position, Remembered};
use quick_cache::Weighter;
use ruma::{OwnedDeviceId, OwnedUserId};

use crate::{Profile, Session, device_keys::KeyCounts};

/// A cache that is bounded in bytes.
pub(crate) type Cached<K, V> = Remembered<K, V, ByBytes>;

/// The shares of the caches, in bytes.
pub(crate) struct Shares {
    pub sessions: usize,
    pub key_counts: usize,
    pub newest_to_device: usize,
    pub newest_account_data: usize,
    pub profiles: usize,
    pub ignored: usize,
    pub rulesets: usize,
    pub filters: usize,
}

impl Shares {
    /// The shares of so many bytes; together they are no more.
    pub fn of(bytes: usize) -> Self {
        let part = bytes / 16;
        Self {
            sessions: 3 * part,
            key_counts: 2 * part,
            newest_to_device: part,
            newest_account_data: part,
            profiles: 3 * part,
            ignored: part,
            rulesets: 4 * part,
            filters: part,
        }
    }
}

/// A cache of so many bytes.
pub(crate) fn cached<K: Eq + std::hash::Hash + Bytes, V: Clone + Bytes>(bytes: usize) -> Cached<K, V> {
    // An estimate only: it sizes the first table.
    Remembered::weighed((bytes / 512).max(16), bytes as u64, ByBytes)
}

/// What a key or value takes besides its own place in the table, in bytes. It never changes while it is cached.
pub(crate) trait Bytes {
    fn bytes(&self) -> usize;
}

#[derive(Clone, Debug)]
pub(crate) struct ByBytes;

impl<K: Bytes, V: Bytes> Weighter<K, V> for ByBytes {
    fn weight(&self, key: &K, value: &V) -> u64 {
        /// What the table and the order of use take for an entry.
        const ENTRY: usize = 48;
        (ENTRY + size_of::<(K, V)>() + key.bytes() + value.bytes()) as u64
    }
}

/// What the allocator adds to each piece of memory.
const ALLOCATION: usize = 16;
/// What a parsed structure takes for each byte of its JSON.
const PARSED: usize = 4;

/// Something parsed, and the length of its JSON.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    pub value: Arc<T>,
    pub length: usize,
}

impl<T> Clone for Parsed<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), length: self.length }
    }
}

impl<T> Bytes for Parsed<T> {
    fn bytes(&self) -> usize {
        size_of::<T>() + ALLOCATION + self.length * PARSED
    }
}

impl Bytes for OwnedUserId {
    fn bytes(&self) -> usize {
        self.as_str().len() + ALLOCATION
    }
}

impl Bytes for (OwnedUserId, OwnedDeviceId) {
    fn bytes(&self) -> usize {
        self.0.bytes() + self.1.as_str().len() + ALLOCATION
    }
}

impl Bytes for (OwnedUserId, u64) {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl Bytes for [u8; 32] {
    fn bytes(&self) -> usize {
        0
    }
}

impl Bytes for Position {
    fn bytes(&self) -> usize {
        0
    }
}

impl Bytes for Arc<Session> {
    fn bytes(&self) -> usize {
        size_of::<Session>() + 2 * ALLOCATION + self.user.bytes() + self.device.as_str().len()
    }
}

impl Bytes for Arc<KeyCounts> {
    fn bytes(&self) -> usize {
        /// An algorithm with its count, and its share of a node of the tree.
        const ALGORITHM: usize = 96;
        let algorithms = self.one_time_keys.len() + self.unused_fallback_key_types.len();
        size_of::<KeyCounts>() + ALLOCATION + algorithms * ALGORITHM
    }
}

impl Bytes for Arc<Profile> {
    fn bytes(&self) -> usize {
        /// A field's name and value have a place each, and a share of a node of the tree.
        const FIELD: usize = 96;
        let fields = self.fields.iter().map(|(name, value)| FIELD + name.len() + value.get().len());
        let name = self.displayname.as_ref().map_or(0, |name| name.len() + ALLOCATION);
        let avatar = self.avatar_url.as_ref().map_or(0, |url| url.as_str().len() + ALLOCATION);
        size_of::<Profile>() + ALLOCATION + fields.sum::<usize>() + name + avatar
    }
}

impl Bytes for Arc<HashSet<OwnedUserId>> {
    fn bytes(&self) -> usize {
        let users = self.iter().map(|user| 2 * size_of::<OwnedUserId>() + user.bytes());
        size_of::<HashSet<OwnedUserId>>() + ALLOCATION + users.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cached_takes_no_more_than_its_share() {
        const SHARE: usize = 64 << 10;
        let cache = cached::<OwnedUserId, Arc<HashSet<OwnedUserId>>>(SHARE);
        let user = |n: usize| OwnedUserId::try_from(format!("@user{n}:here")).unwrap();
        let mut held = 0;
        for n in 0..500 {
            let ignored: HashSet<OwnedUserId> = (0..n % 40).map(user).collect();
            let loaded = cache.get_or_load(&*user(n), ToOwned::to_owned, || Ok::<_, ()>(Arc::new(ignored)));
            held += ByBytes.weight(&user(n), &loaded.unwrap());
        }
        assert!(held > 4 * SHARE as u64, "the bound was reached");
        let kept = (0..500).filter_map(|n| Some((n, cache.get(&*user(n), u64::MAX)?)));
        let kept: u64 = kept.map(|(n, ignored)| ByBytes.weight(&user(n), &ignored)).sum();
        assert!(kept > 0 && kept <= SHARE as u64, "{kept}");
    }

    #[test]
    fn the_shares_are_no_more_than_there_is() {
        let Shares {
            sessions,
            key_counts,
            newest_to_device,
            newest_account_data,
            profiles,
            ignored,
            rulesets,
            filters,
        } = Shares::of(16_000_000);
        let devices = sessions + key_counts + newest_to_device;
        assert_eq!(devices + newest_account_data + profiles + ignored + rulesets + filters, 16_000_000);
    }
}
