//! What all concerns stand on: the store, the environment, the locks, and the caches that several of them
//! must keep true.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hearth_storage::{
    Change, Clock, Commit, Position, Random, Scan, Store, Transaction,
    schema::{
        self,
        users::{DeviceChangeRow, OwnedUserIdValue},
    },
};
use quick_cache::Equivalent;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    Profile, Session, UsersError,
    cached::{Cached, Shares, cached},
    device_keys::KeyCounts,
    erasures::Erasures,
    locks::{UserGuard, UserLocks},
    tokens,
};

/// Of how many of a user's devices that are gone it is known when they went.
const MAX_GONE_DEVICES: usize = 100;

/// The ground that all concerns stand on.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) locks: UserLocks,
    /// Sessions by the hash of their access token.
    pub(crate) sessions: Arc<Cached<[u8; 32], Arc<Session>>>,
    pub(crate) key_counts: Arc<Cached<(OwnedUserId, OwnedDeviceId), Arc<KeyCounts>>>,
    /// The newest message that waits for each device; the first position stands for none.
    pub(crate) newest_to_device: Arc<Cached<(OwnedUserId, OwnedDeviceId), Position>>,
    /// The position of each user's newest change of account data; the first position stands for none.
    pub(crate) newest_account_data: Arc<Cached<OwnedUserId, Position>>,
    pub(crate) profiles: Arc<Cached<OwnedUserId, Arc<Profile>>>,
    pub(crate) erasures: Erasures,
    /// The position of the newest change of any device list.
    newest_device_list: Arc<AtomicU64>,
}

/// The borrowed form of a cache key for a device.
#[derive(Hash)]
pub(crate) struct DeviceKey<'a>(pub(crate) &'a UserId, pub(crate) &'a DeviceId);

impl DeviceKey<'_> {
    pub(crate) fn own(&self) -> (OwnedUserId, OwnedDeviceId) {
        (self.0.to_owned(), self.1.to_owned())
    }
}

impl Equivalent<(OwnedUserId, OwnedDeviceId)> for DeviceKey<'_> {
    fn equivalent(&self, key: &(OwnedUserId, OwnedDeviceId)) -> bool {
        *self.0 == *key.0 && *self.1 == *key.1
    }
}

impl Shared {
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        shares: &Shares,
    ) -> Result<Self, UsersError> {
        let newest =
            store.view().scan(&schema::DEVICE_LIST_CHANGES, Scan::all().reversed()).next().transpose()?;
        let shared = Self {
            erasures: Erasures::open(&store)?,
            store,
            clock,
            random,
            locks: UserLocks::new(),
            sessions: Arc::new(cached(shares.sessions)),
            key_counts: Arc::new(cached(shares.key_counts)),
            newest_to_device: Arc::new(cached(shares.newest_to_device)),
            newest_account_data: Arc::new(cached(shares.newest_account_data)),
            profiles: Arc::new(cached(shares.profiles)),
            newest_device_list: Arc::new(AtomicU64::new(newest.map_or(0, |((position,), _)| position.0))),
        };
        shared.follow_commits();
        Ok(shared)
    }

    /// Keeps what is in memory as it is committed, whoever commits it.
    fn follow_commits(&self) {
        let store = &self.store;
        let sessions = self.sessions.clone();
        store.observe(&schema::ACCESS_TOKENS, move |row| {
            sessions.changed(&row.key()?.0, row.commit());
            Ok(())
        });
        // A session tells how it stands with its account.
        let (sessions, view) = (self.sessions.clone(), store.view());
        store.observe(&schema::ACCOUNTS, move |row| {
            for token in tokens::access_tokens_of(&view, &row.key()?.0)? {
                sessions.changed(&token, row.commit());
            }
            Ok(())
        });
        let (sessions, view) = (self.sessions.clone(), store.view());
        store.observe(&schema::RESTRICTIONS, move |row| {
            for token in tokens::access_tokens_of(&view, &row.key()?.0)? {
                sessions.changed(&token, row.commit());
            }
            Ok(())
        });
        let counts = self.key_counts.clone();
        store.observe(&schema::ONE_TIME_KEYS, move |row| {
            let (user, device, ..) = row.key()?;
            counts.changed(&DeviceKey(&user, &device), row.commit());
            Ok(())
        });
        let counts = self.key_counts.clone();
        store.observe(&schema::FALLBACK_KEYS, move |row| {
            let (user, device, _) = row.key()?;
            counts.changed(&DeviceKey(&user, &device), row.commit());
            Ok(())
        });
        let newest = self.newest_to_device.clone();
        store.observe(&schema::TO_DEVICE, move |row| {
            let (user, device, _) = row.key()?;
            newest.changed(&DeviceKey(&user, &device), row.commit());
            Ok(())
        });
        let newest = self.newest_account_data.clone();
        store.observe(&schema::ACCOUNT_DATA_CHANGES, move |row| {
            newest.changed(&row.key()?.0, row.commit());
            Ok(())
        });
        let profiles = self.profiles.clone();
        store.observe(&schema::PROFILES, move |row| {
            profiles.changed(&row.key()?.0, row.commit());
            Ok(())
        });
        let newest = self.newest_device_list.clone();
        store.observe(&schema::DEVICE_LIST_CHANGES, move |row| {
            newest.fetch_max(row.key()?.0.0, Ordering::SeqCst);
            Ok(())
        });
    }

    /// Queues a commit and lets the next one write.
    pub(crate) fn submit(&self, transaction: Transaction, guard: UserGuard) -> Commit {
        let commit = transaction.submit();
        drop(guard);
        commit
    }

    /// What was to be written is so already, which may just be on its way: an answer tells what is durable.
    pub(crate) async fn nothing_to_write(&self, guard: UserGuard) -> Result<(), UsersError> {
        drop(guard);
        Ok(self.store.settled().await?)
    }

    /// Writes down that the device list or the cross-signing keys of `user`, whose lock is held, change.
    pub(crate) fn change_device_list(
        &self,
        transaction: &mut Transaction,
        user: &UserId,
    ) -> Result<(), UsersError> {
        let before = transaction.get(&schema::DEVICE_LIST_LATEST, (user,))?;
        let position = transaction.append(&Change::DeviceList { user: user.to_owned() });
        if let Some(before) = before {
            transaction.delete(&schema::DEVICE_LIST_CHANGES, (before,));
        }
        transaction.put(&schema::DEVICE_LIST_CHANGES, (position,), &OwnedUserIdValue(user.to_owned()));
        transaction.put(&schema::DEVICE_LIST_LATEST, (user,), &position);
        Ok(())
    }

    /// The same where other servers are told what changes: these devices, and with `signing` the cross-signing
    /// keys. Each change of a device has a number in the user's stream, by which the others see that they have
    /// missed none.
    pub(crate) fn change_shared_keys(
        &self,
        transaction: &mut Transaction,
        user: &UserId,
        devices: &[&DeviceId],
        signing: bool,
    ) -> Result<(), UsersError> {
        let view = self.store.written();
        let (mut previous, mut gone) = (None, BTreeMap::new());
        for change in view.scan(&schema::DEVICE_CHANGES, Scan::prefix((user,))) {
            let ((_, device), change) = change?;
            previous = previous.max(Some(change.position));
            if !view.contains(&schema::DEVICES, (user, &device))? {
                gone.insert(change.position, device);
            }
        }
        // Who has not been told by then asks for the whole list, as a number is missing.
        let forgotten = gone.len().saturating_sub(MAX_GONE_DEVICES);
        for device in gone.into_values().take(forgotten).filter(|device| !devices.contains(&&**device)) {
            transaction.delete(&schema::DEVICE_CHANGES, (user, device));
        }
        for (place, device) in devices.iter().enumerate() {
            let position = transaction.next_position();
            let row = DeviceChangeRow { position, previous };
            transaction.put(&schema::DEVICE_CHANGES, (user, *device), &row);
            previous = Some(position);
            // For those here it is one change, that of the last device.
            if place + 1 < devices.len() {
                transaction.append(&Change::DeviceList { user: user.to_owned() });
            }
        }
        if signing {
            let position = transaction.next_position();
            transaction.put(&schema::SIGNING_KEY_CHANGES, (user,), &position);
        }
        self.change_device_list(transaction, user)
    }

    /// The position of the newest change of any device list.
    pub(crate) fn newest_device_list(&self) -> Position {
        Position(self.newest_device_list.load(Ordering::SeqCst))
    }

    /// Writes down that the one-time or fallback keys of a device, whose user's lock is held, change.
    pub(crate) fn change_one_time_keys(
        &self,
        transaction: &mut Transaction,
        user: &UserId,
        device: &DeviceId,
    ) {
        transaction.append(&Change::OneTimeKeys { user: user.to_owned(), device: device.to_owned() });
    }
}
