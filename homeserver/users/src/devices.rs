//! Devices.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use hearth_storage::{
    Scan, Transaction, View,
    schema::{self, users::DeviceRow},
};
use ruma::{DeviceId, OwnedDeviceId, UserId};

use crate::{
    Session, UsersError,
    account_data::remove_notification_settings,
    pushers,
    sessions::{check_device_count, check_device_id},
    shared::Shared,
    short_tokens, to_device, tokens,
};

/// How often the last use of a device is written down, in milliseconds.
const SEEN_EVERY_MS: u64 = 5 * 60 * 1000;

/// The longest name of a device, in bytes.
const MAX_DISPLAY_NAME: usize = 1024;

/// The devices of users.
#[derive(Clone)]
pub struct Devices {
    shared: Arc<Shared>,
}

/// A device.
#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    pub id: OwnedDeviceId,
    pub display_name: Option<String>,
    pub last_seen_ip: Option<String>,
    /// Milliseconds.
    pub last_seen_at: Option<u64>,
}

impl Device {
    fn new(id: OwnedDeviceId, row: DeviceRow) -> Self {
        Self {
            id,
            display_name: row.display_name,
            last_seen_ip: row.last_seen_ip,
            last_seen_at: row.last_seen_at,
        }
    }
}

impl Devices {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// All devices of a user.
    pub fn list(&self, user: &UserId) -> Result<Vec<Device>, UsersError> {
        let view = self.shared.store.view();
        let devices = view.scan(&schema::DEVICES, Scan::prefix((user,)));
        Ok(devices
            .map(|entry| entry.map(|((_, device), row)| Device::new(device, row)))
            .collect::<Result<_, _>>()?)
    }

    /// The ids of all devices of a user.
    pub fn ids(&self, user: &UserId) -> Result<Vec<OwnedDeviceId>, UsersError> {
        Ok(self.list(user)?.into_iter().map(|device| device.id).collect())
    }

    /// One device.
    pub fn get(&self, user: &UserId, device: &DeviceId) -> Result<Option<Device>, UsersError> {
        let row = self.shared.store.view().get(&schema::DEVICES, (user, device))?;
        Ok(row.map(|row| Device::new(device.to_owned(), row)))
    }

    /// Makes a device without a session, for a service that acts on it.
    pub async fn create(
        &self,
        user: &UserId,
        device: &DeviceId,
        display_name: Option<&str>,
    ) -> Result<(), UsersError> {
        check_display_name(display_name)?;
        check_device_id(device)?;
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if view.contains(&schema::DEVICES, (user, device))? {
            return self.shared.nothing_to_write(guard).await;
        }
        check_device_count(&view, user)?;
        let display_name = display_name.map(str::to_owned);
        let row = DeviceRow { display_name, last_seen_at: None, last_seen_ip: None };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::DEVICES, (user, device), &row);
            self.shared.change_shared_keys(&mut transaction, user, &[device], false)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Names a device, or takes its name away.
    pub async fn set_display_name(
        &self,
        user: &UserId,
        device: &DeviceId,
        display_name: Option<&str>,
    ) -> Result<(), UsersError> {
        check_display_name(display_name)?;
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let row = view.get(&schema::DEVICES, (user, device))?;
        let mut row = row.ok_or(UsersError::NotFound("unknown device"))?;
        if row.display_name.as_deref() == display_name {
            return self.shared.nothing_to_write(guard).await;
        }
        row.display_name = display_name.map(str::to_owned);
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::DEVICES, (user, device), &row);
            // The name goes with the keys to whoever asks for them.
            self.shared.change_shared_keys(&mut transaction, user, &[device], false)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Deletes devices with all that hangs on them: tokens, keys, waiting messages, pushers, notification
    /// settings. Those that are not there are passed over.
    pub async fn delete(&self, user: &UserId, devices: &[OwnedDeviceId]) -> Result<(), UsersError> {
        delete_devices(&self.shared, user, |_| Ok(devices.to_vec())).await
    }

    /// Notes that a session is in use. Costs nothing but once in some minutes, when it is written without
    /// making the caller wait.
    pub fn seen(&self, session: &Session, ip: Option<IpAddr>) {
        let now = self.shared.clock.now_ms();
        let last = session.last_seen.load(Ordering::Relaxed);
        if now.saturating_sub(last) < SEEN_EVERY_MS {
            return;
        }
        let swapped = session.last_seen.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if swapped.is_ok()
            && let Err(error) = self.write_seen(session, ip, now)
        {
            tracing::warn!(user = %session.user, %error, "the last use of a device was not written");
        }
    }

    fn write_seen(&self, session: &Session, ip: Option<IpAddr>, now: u64) -> Result<(), UsersError> {
        // When another writes for this user, the next request after the interval tells as much.
        let Some(guard) = self.shared.locks.try_lock(&session.user) else { return Ok(()) };
        let key = (&session.user, &session.device);
        let Some(mut row) = self.shared.store.written().get(&schema::DEVICES, key)? else { return Ok(()) };
        row.last_seen_at = Some(now);
        row.last_seen_ip = ip.map(|ip| ip.to_string()).or(row.last_seen_ip);
        let mut transaction = self.shared.store.begin()?;
        transaction.put(&schema::DEVICES, key, &row);
        drop(self.shared.submit(transaction, guard));
        Ok(())
    }
}

pub(crate) fn check_display_name(display_name: Option<&str>) -> Result<(), UsersError> {
    match display_name {
        Some(name) if name.len() > MAX_DISPLAY_NAME => {
            Err(UsersError::InvalidParam(format!("a device's name has at most {MAX_DISPLAY_NAME} bytes")))
        }
        _ => Ok(()),
    }
}

/// Deletes the devices that `choose` names under the user's lock.
pub(crate) async fn delete_devices(
    shared: &Arc<Shared>,
    user: &UserId,
    choose: impl FnOnce(&View) -> Result<Vec<OwnedDeviceId>, UsersError>,
) -> Result<(), UsersError> {
    let guard = shared.locks.lock(user).await;
    let view = shared.store.written();
    let chosen = choose(&view)?;
    let devices: BTreeSet<&DeviceId> = chosen.iter().map(|device| &**device).collect();
    let commit = {
        let mut transaction = shared.store.begin()?;
        let mut gone: Vec<&DeviceId> = Vec::new();
        for &device in &devices {
            if remove_device(&mut transaction, &view, user, device)? {
                gone.push(device);
            }
        }
        to_device::clear(&mut transaction, &view, user, &devices)?;
        remove_notification_settings(&mut transaction, &view, user, &devices)?;
        if !gone.is_empty() {
            shared.change_shared_keys(&mut transaction, user, &gone, false)?;
        }
        shared.submit(transaction, guard)
    };
    commit.await?;
    Ok(())
}

/// Deletes a device in a transaction that holds the user's lock. What is counted for all devices together is not its
/// own: the messages that wait, and account data. Says whether it was there, so that the device list changes.
pub(crate) fn remove_device(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    device: &DeviceId,
) -> Result<bool, UsersError> {
    let was_there = view.contains(&schema::DEVICES, (user, device))?;
    tokens::delete_all(transaction, view, user, device)?;
    short_tokens::delete_all(transaction, view, user, device)?;
    transaction.delete(&schema::DEVICES, (user, device));
    transaction.delete(&schema::DEVICE_KEYS, (user, device));
    transaction.delete_prefix(&schema::ONE_TIME_KEYS, (user, device))?;
    transaction.delete_prefix(&schema::CLAIMED_ONE_TIME_KEYS, (user, device))?;
    transaction.delete_prefix(&schema::FALLBACK_KEYS, (user, device))?;
    transaction.delete_prefix(&schema::KEY_SIGNATURES, (user, device.as_str()))?;
    transaction.delete_prefix(&schema::TO_DEVICE_TRANSACTIONS, (user, device))?;
    if view.get(&schema::DEHYDRATED_DEVICES, (user,))?.is_some_and(|row| row.device == device) {
        transaction.delete(&schema::DEHYDRATED_DEVICES, (user,));
    }
    transaction.delete_prefix(&schema::SLIDING_CONNECTIONS, (user, device))?;
    transaction.delete_prefix(&schema::SLIDING_ROOMS, (user, device))?;
    pushers::remove_all(transaction, view, user, Some(device))?;
    Ok(was_there)
}

#[cfg(test)]
mod tests {
    use hearth_storage::Position;
    use serde_json::json;

    use super::*;
    use crate::{
        NewPusher,
        testing::{SigningKey, World, boxed, identity_keys, one_time_keys, raw},
    };

    #[tokio::test]
    async fn a_deleted_device_leaves_nothing_behind() {
        let world = World::new();
        let user = world.register("alice").await;
        let users = &world.users;
        let token = world.login(&user, "PHONE").await.access_token;
        users.sessions.authenticate(&token).await.unwrap();
        let device = OwnedDeviceId::from("PHONE");
        let keys = raw(identity_keys(&user, "PHONE", &SigningKey::of_device("PHONE")));
        let one_time = one_time_keys(&["a".to_owned()]);
        users.device_keys.upload(&user, &device, Some(&keys), &one_time, &one_time).await.unwrap();
        let pusher = boxed(json!({}));
        let new = NewPusher {
            app_id: "app",
            pushkey: "key",
            pusher: &pusher,
            enabled: true,
            append: true,
            to_activate: None,
        };
        users.pushers.set(&user, &device, new).await.unwrap();
        let to_device = [(user.clone(), [(device.clone().into(), raw(json!({})))].into())].into();
        users.to_device.send(&user, "m.test", &to_device, None).await.unwrap();
        let settings = "org.matrix.msc3890.local_notification_settings.PHONE";
        let silenced = boxed(json!({"is_silenced": true}));
        users.account_data.set(&user, None, settings, &silenced).await.unwrap();
        assert_eq!(users.account_data.changes(&user, Position(0), world.store.published()).unwrap().len(), 1);
        let before = world.store.published();

        users.devices.delete(&user, std::slice::from_ref(&device)).await.unwrap();
        assert!(users.sessions.authenticate(&token).await.is_err());
        assert_eq!(users.devices.get(&user, &device).unwrap(), None);
        let counts = users.device_keys.counts(&user, &device).unwrap();
        assert_eq!(counts.one_time_keys.values().sum::<ruma::UInt>(), ruma::uint!(0));
        assert!(counts.unused_fallback_key_types.is_empty());
        assert!(users.pushers.list(&user).unwrap().is_empty());
        let waiting = users.to_device.list(&user, &device, Position(0), world.store.published());
        assert!(waiting.unwrap().messages.is_empty());
        assert!(users.account_data.get(&user, None, settings).unwrap().is_none());
        let changes = users.account_data.changes(&user, before, world.store.published()).unwrap();
        assert_eq!((&*changes[0].data_type, changes[0].content.get()), (settings, "{}"));
        assert_eq!(users.device_keys.list_changes(before, world.store.published(), 9).unwrap(), [user]);
    }

    #[tokio::test]
    async fn a_new_name_is_told_with_the_keys() {
        let world = World::new();
        let user = world.register("alice").await;
        let users = &world.users;
        world.login(&user, "PHONE").await;
        let device = OwnedDeviceId::from("PHONE");
        let keys = raw(identity_keys(&user, "PHONE", &SigningKey::of_device("PHONE")));
        let none = Default::default();
        users.device_keys.upload(&user, &device, Some(&keys), &none, &none).await.unwrap();
        let before = world.store.published();
        users.devices.set_display_name(&user, &device, Some("new")).await.unwrap();
        assert_eq!(users.devices.get(&user, &device).unwrap().unwrap().display_name.unwrap(), "new");
        assert_eq!(users.device_keys.list_changes(before, world.store.published(), 9).unwrap().len(), 1);
        let unknown = users.devices.set_display_name(&user, "OTHER".into(), None).await;
        assert!(matches!(unknown, Err(UsersError::NotFound(_))));
    }

    #[tokio::test]
    async fn the_last_use_is_written_once_in_some_minutes() {
        let world = World::new();
        let user = world.register("alice").await;
        let token = world.login(&user, "PHONE").await.access_token;
        let session = world.users.sessions.authenticate(&token).await.unwrap();
        let seen_at = || world.users.devices.get(&user, &session.device).unwrap().unwrap().last_seen_at;
        world.users.devices.seen(&session, Some(IpAddr::from([127, 0, 0, 1])));
        world.store.settled().await.unwrap();
        let first = seen_at();
        world.clock.advance(SEEN_EVERY_MS - 1);
        world.users.devices.seen(&session, None);
        world.store.settled().await.unwrap();
        assert_eq!(seen_at(), first);
        world.clock.advance(1);
        world.users.devices.seen(&session, None);
        world.store.settled().await.unwrap();
        assert_eq!(seen_at(), first.map(|ms| ms + SEEN_EVERY_MS));
        let device = world.users.devices.get(&user, &session.device).unwrap().unwrap();
        assert_eq!(device.last_seen_ip.as_deref(), Some("127.0.0.1"));
    }
}
