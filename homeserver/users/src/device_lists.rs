//! Device lists between servers (server-server API, "Device Management"): what another server is told of a local
//! user's devices, and what it says of its own users'.

use hearth_storage::{Position, Scan, View, schema};
use ruma::{
    OwnedDeviceId, UserId,
    encryption::{CrossSigningKey, DeviceKeys as IdentityKeys},
    serde::Raw,
};

use crate::{DeviceKeys, QueriedKeys, UsersError};

/// All devices of a local user that have keys, as another server sees them.
#[derive(Clone, Debug)]
pub struct SharedDeviceList {
    /// Where it stands in the user's stream of changes; 0 before the first.
    pub stream_id: u64,
    pub devices: Vec<(OwnedDeviceId, Raw<IdentityKeys>)>,
    pub master_key: Option<Raw<CrossSigningKey>>,
    pub self_signing_key: Option<Raw<CrossSigningKey>>,
}

/// What changed in a local user's device list, as another server is told (`m.device_list_update`,
/// `m.signing_key_update`).
#[derive(Clone, Debug, Default)]
pub struct SharedChange {
    pub device: Option<DeviceChange>,
    pub signing_keys: Option<SigningKeys>,
}

/// The change of one device.
#[derive(Clone, Debug)]
pub struct DeviceChange {
    pub device: OwnedDeviceId,
    pub stream_id: u64,
    /// The stream id of the change before it.
    pub previous: Option<u64>,
    /// Whether the device was deleted.
    pub deleted: bool,
    /// `None` if it has none.
    pub keys: Option<Raw<IdentityKeys>>,
}

/// A user's cross-signing keys, without the one that is the user's secret.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    pub master_key: Option<Raw<CrossSigningKey>>,
    pub self_signing_key: Option<Raw<CrossSigningKey>>,
}

impl DeviceKeys {
    /// What another server gets to know of a local user's devices (`GET /user/devices/{userId}`).
    pub fn shared_list(&self, user: &UserId) -> Result<SharedDeviceList, UsersError> {
        // The number first: a change in between is then told once more, and not missed.
        let newest = newest_change(&self.shared.store.view(), user)?;
        let mut keys = self.shared_keys(user, Vec::new())?;
        Ok(SharedDeviceList {
            stream_id: newest.map_or(0, |(_, row)| row.position.0),
            devices: keys.device_keys.remove(user).unwrap_or_default().into_iter().collect(),
            master_key: keys.master_keys.remove(user),
            self_signing_key: keys.self_signing_keys.remove(user),
        })
    }

    /// What changed at a position of the log. Nothing if it changed again since: then that later change tells
    /// of it; and nothing if it does not concern other servers.
    pub fn shared_change_at(&self, user: &UserId, position: Position) -> Result<SharedChange, UsersError> {
        let view = self.shared.store.view();
        let mut change = SharedChange::default();
        for row in view.scan(&schema::DEVICE_CHANGES, Scan::prefix((user,))) {
            let ((_, device), row) = row?;
            if row.position == position {
                change.device = Some(self.device_change(user, device, row)?);
            }
        }
        if view.get(&schema::SIGNING_KEY_CHANGES, (user,))? == Some(position) {
            change.signing_keys = self.signing_keys(user)?;
        }
        Ok(change)
    }

    /// The newest change of a device, and the cross-signing keys if there are any. To a server that missed more
    /// than that change its stream id shows it, and it asks for the whole list.
    pub fn newest_shared_change(&self, user: &UserId) -> Result<SharedChange, UsersError> {
        let device = match newest_change(&self.shared.store.view(), user)? {
            Some((device, row)) => Some(self.device_change(user, device, row)?),
            None => None,
        };
        Ok(SharedChange { device, signing_keys: self.signing_keys(user)? })
    }

    /// Notes that the device list of another server's user changed: whoever shares a room with the user is told.
    pub async fn remote_changed(&self, user: &UserId) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            self.shared.change_device_list(&mut transaction, user)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    fn device_change(
        &self,
        user: &UserId,
        device: OwnedDeviceId,
        row: schema::users::DeviceChangeRow,
    ) -> Result<DeviceChange, UsersError> {
        let mut keys = self.shared_keys(user, vec![device.clone()])?;
        let keys = keys.device_keys.get_mut(user).and_then(|devices| devices.remove(&device));
        let previous = row.previous.map(|previous| previous.0);
        let deleted = !self.shared.store.view().contains(&schema::DEVICES, (user, &device))?;
        Ok(DeviceChange { device, stream_id: row.position.0, previous, deleted, keys })
    }

    fn signing_keys(&self, user: &UserId) -> Result<Option<SigningKeys>, UsersError> {
        let [master_key, self_signing_key] = self.shared_signing_keys(user)?;
        let any = master_key.is_some() || self_signing_key.is_some();
        Ok(any.then_some(SigningKeys { master_key, self_signing_key }))
    }

    fn shared_keys(&self, user: &UserId, devices: Vec<OwnedDeviceId>) -> Result<QueriedKeys, UsersError> {
        self.query(None, &[(user.to_owned(), devices)].into())
    }
}

fn newest_change(
    view: &View,
    user: &UserId,
) -> Result<Option<(OwnedDeviceId, schema::users::DeviceChangeRow)>, UsersError> {
    let mut newest: Option<(OwnedDeviceId, schema::users::DeviceChangeRow)> = None;
    for row in view.scan(&schema::DEVICE_CHANGES, Scan::prefix((user,))) {
        let ((_, device), row) = row?;
        if newest.as_ref().is_none_or(|(_, newest)| newest.position < row.position) {
            newest = Some((device, row));
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use ruma::device_id;
    use serde_json::json;

    use super::*;
    use crate::testing::{SigningKey, World, identity_keys, raw};

    async fn upload(world: &World, user: &UserId, device: &str) -> Position {
        let keys = raw(identity_keys(user, device, &SigningKey::of_device(device)));
        let none = Default::default();
        world.users.device_keys.upload(user, device.into(), Some(&keys), &none, &none).await.unwrap();
        world.store.published()
    }

    #[tokio::test]
    async fn changes_of_devices_form_a_chain() {
        let world = World::new();
        let user = world.register("alice").await;
        let keys = &world.users.device_keys;
        assert_eq!(keys.shared_list(&user).unwrap().stream_id, 0);
        world.login(&user, "ONE").await;
        let login = world.store.published();
        // A device without keys is told of, too.
        let change = keys.shared_change_at(&user, login).unwrap().device.unwrap();
        assert_eq!((&*change.device, change.stream_id, change.previous), (device_id!("ONE"), login.0, None));
        assert!(change.keys.is_none() && !change.deleted);
        let one = upload(&world, &user, "ONE").await;
        world.login(&user, "TWO").await;
        let login = world.store.published();
        let two = upload(&world, &user, "TWO").await;
        assert!(
            keys.shared_change_at(&user, login).unwrap().device.is_none(),
            "the later change tells of it"
        );
        let change = keys.shared_change_at(&user, two).unwrap().device.unwrap();
        assert_eq!((change.stream_id, change.previous), (two.0, Some(login.0)));
        assert!(keys.shared_change_at(&user, one).unwrap().device.unwrap().keys.is_some());

        // Both go at once, each with a number of its own.
        world.users.devices.delete(&user, &["ONE".into(), "TWO".into()]).await.unwrap();
        let newest = keys.newest_shared_change(&user).unwrap().device.unwrap();
        assert!(newest.deleted && newest.keys.is_none());
        let before = Position(newest.previous.unwrap());
        let before = keys.shared_change_at(&user, before).unwrap().device.unwrap();
        assert_eq!((before.previous, before.deleted), (Some(two.0), true));
        let list = keys.shared_list(&user).unwrap();
        assert_eq!((list.stream_id, list.devices.len()), (newest.stream_id, 0));
        // Here it is one change.
        let told = keys.list_changes(two, world.store.published(), 9).unwrap();
        assert_eq!(told, [user]);
    }

    #[tokio::test]
    async fn devices_that_are_gone_are_forgotten_in_the_end() {
        let world = World::new();
        let user = world.register("alice").await;
        for number in 0..120 {
            let device = format!("D{number}");
            world.login(&user, &device).await;
            world.users.devices.delete(&user, &[(*device).into()]).await.unwrap();
        }
        let rows = world.store.view().scan(&schema::DEVICE_CHANGES, Scan::prefix((&user,))).count();
        assert!(rows <= 102, "{rows}");
    }

    #[tokio::test]
    async fn a_name_is_told_and_so_are_signing_keys() {
        let world = World::new();
        let user = world.register("alice").await;
        world.login(&user, "ONE").await;
        upload(&world, &user, "ONE").await;
        world.users.devices.set_display_name(&user, device_id!("ONE"), Some("a phone")).await.unwrap();
        let keys = &world.users.device_keys;
        let change = keys.shared_change_at(&user, world.store.published()).unwrap();
        let told = change.device.unwrap().keys.unwrap().get_field::<serde_json::Value>("unsigned").unwrap();
        assert_eq!(told, Some(json!({ "device_display_name": "a phone" })));
        assert!(change.signing_keys.is_none());
        let key = crate::testing::cross_signing_key(&user, "master", &SigningKey::new());
        let upload = crate::CrossSigningUpload { master_key: Some(raw(key)), ..Default::default() };
        world.users.cross_signing.upload(&user, &upload, false).await.unwrap();
        let change = keys.shared_change_at(&user, world.store.published()).unwrap();
        assert!(change.device.is_none());
        assert!(change.signing_keys.unwrap().master_key.is_some());
        assert!(json!(keys.shared_list(&user).unwrap().devices).to_string().contains("a phone"));
    }

    #[tokio::test]
    async fn a_remote_users_change_is_told_here() {
        let world = World::new();
        let user = ruma::user_id!("@zoe:there");
        let before = world.store.published();
        world.users.device_keys.remote_changed(user).await.unwrap();
        let told = world.users.device_keys.list_changes(before, world.store.published(), 9).unwrap();
        assert_eq!(told, [user]);
    }
}
