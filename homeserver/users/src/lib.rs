//! Users: accounts and all that belongs to one of them rather than to a room.
//!
//! Each concern is a struct of its own over the store, and [`Users`] only groups them: who needs sessions
//! takes [`Sessions`]. Every write is one commit, made under the lock of the users it concerns, and returns
//! when it is durable. Writers read what is queued ([`Store::written`]), so the lock is given back before that.

mod account_data;
mod accounts;
mod audit;
mod backup_keys;
mod cached;
mod cross_signing;
mod dehydrated_devices;
mod device_keys;
mod device_lists;
mod devices;
mod direct_chats;
mod erasures;
mod error;
mod filters;
mod json;
mod key_backups;
mod key_queries;
mod key_signatures;
mod locks;
mod one_time_keys;
mod passwords;
mod profiles;
mod push_rules;
mod pushers;
mod quota;
mod registration_tokens;
mod restrictions;
mod sessions;
mod shared;
mod short_tokens;
mod signed_json;
mod tags;
#[cfg(test)]
mod testing;
mod thread_subscriptions;
mod to_device;
mod tokens;
mod uia;

use std::sync::Arc;

use hearth_storage::{Clock, Random, Store};

pub use self::{
    account_data::{AccountData, AccountDataItem},
    accounts::{Accounts, NewAccount},
    audit::{Audit, AuditKey},
    backup_keys::{BackedUpKeys, BackupSummary, KeySelection},
    cross_signing::{CrossSigning, CrossSigningUpload},
    dehydrated_devices::{DehydratedDevice, DehydratedDevices, NewDehydratedDevice},
    device_keys::{ClaimedKeys, DeviceKeys, KeyCounts},
    device_lists::{DeviceChange, SharedChange, SharedDeviceList, SigningKeys},
    devices::{Device, Devices},
    erasures::Erased,
    error::UsersError,
    filters::{Filters, SyncFilter},
    key_backups::{KeyBackup, KeyBackups},
    key_queries::QueriedKeys,
    key_signatures::SignatureFailure,
    passwords::PasswordCost,
    profiles::{Profile, Profiles},
    push_rules::{PushRules, whole_ruleset},
    pushers::{NewPusher, Pusher, Pushers},
    registration_tokens::RegistrationTokens,
    restrictions::Restrictions,
    sessions::{CONSOLE, NewTokens, Session, Sessions},
    thread_subscriptions::{SubscribedThread, ThreadSubscriptions},
    to_device::{ToDevice, WaitingMessages},
    uia::{Attempt, Operation, Registered, RegistrationAttempt, Uia, UiaStep},
};
use self::{cached::Shares, shared::Shared};

/// All that this crate offers, by concern. Cheap to clone.
#[derive(Clone)]
pub struct Users {
    pub accounts: Accounts,
    pub sessions: Sessions,
    pub devices: Devices,
    pub dehydrated_devices: DehydratedDevices,
    pub device_keys: DeviceKeys,
    pub cross_signing: CrossSigning,
    pub key_backups: KeyBackups,
    pub account_data: AccountData,
    pub push_rules: PushRules,
    pub profiles: Profiles,
    pub filters: Filters,
    pub thread_subscriptions: ThreadSubscriptions,
    pub to_device: ToDevice,
    pub pushers: Pushers,
    pub uia: Uia,
    pub restrictions: Restrictions,
    pub registration_tokens: RegistrationTokens,
    pub audit: Audit,
}

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct UsersOptions {
    /// What is kept in memory takes no more bytes than these: sessions, push rules, profiles and so on.
    pub memory_bytes: usize,
    /// What a guess of a password costs.
    pub password_cost: PasswordCost,
    /// How long an access token lives that comes with a refresh token, in milliseconds.
    pub access_token_lifetime_ms: u64,
}

impl Default for UsersOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 16 << 20,
            password_cost: PasswordCost::STANDARD,
            access_token_lifetime_ms: 5 * 60 * 1000,
        }
    }
}

impl Users {
    /// Users kept in `store`.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        options: UsersOptions,
    ) -> Result<Self, UsersError> {
        let shares = Shares::of(options.memory_bytes);
        let shared = Arc::new(Shared::new(store, clock, random, &shares)?);
        let account_data = AccountData::new(shared.clone(), &shares);
        Ok(Self {
            accounts: Accounts::new(shared.clone(), options.password_cost)?,
            sessions: Sessions::new(shared.clone(), options.access_token_lifetime_ms),
            dehydrated_devices: DehydratedDevices::new(shared.clone()),
            devices: Devices::new(shared.clone()),
            device_keys: DeviceKeys::new(shared.clone()),
            cross_signing: CrossSigning::new(shared.clone()),
            key_backups: KeyBackups::new(shared.clone()),
            push_rules: PushRules::new(shared.clone(), account_data.clone()),
            account_data,
            profiles: Profiles::new(shared.clone()),
            filters: Filters::new(shared.clone(), shares.filters),
            thread_subscriptions: ThreadSubscriptions::new(shared.clone()),
            to_device: ToDevice::new(shared.clone()),
            pushers: Pushers::new(shared.clone()),
            restrictions: Restrictions::new(shared.clone()),
            registration_tokens: RegistrationTokens::new(shared.clone()),
            audit: Audit::new(shared.clone())?,
            uia: Uia::new(shared),
        })
    }
}
