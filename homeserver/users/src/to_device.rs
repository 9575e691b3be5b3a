//! Messages to devices (client-server API, "Send-to-Device messaging").

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::{Change, Position, Scan, schema};
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, TransactionId, UserId,
    events::{AnyToDeviceEvent, AnyToDeviceEventContent},
    serde::Raw,
    to_device::DeviceIdOrAllDevices,
};
use serde::Serialize;
use serde_json::value::RawValue;

use self::outgoing::Outgoing;
use crate::{
    UsersError,
    shared::{DeviceKey, Shared},
};

mod outgoing;

/// How long a transaction id is known, in milliseconds.
const TRANSACTION_LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// Old transaction ids are swept out at one in so many positions.
const SWEEP_EVERY: u64 = 64;

/// Messages that wait for devices.
#[derive(Clone)]
pub struct ToDevice {
    shared: Arc<Shared>,
}

/// A message as its device gets it.
#[derive(Serialize)]
struct Message<'a> {
    content: &'a RawValue,
    sender: &'a UserId,
    #[serde(rename = "type")]
    event_type: &'a str,
}

impl ToDevice {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Puts messages before devices, all in one commit. What a user of this server sends to users of others waits
    /// until their servers have it; other users and devices that are not here are passed over. With a transaction
    /// of the sender's device that was done before, nothing happens again.
    pub async fn send(
        &self,
        sender: &UserId,
        event_type: &str,
        messages: &BTreeMap<OwnedUserId, BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>>,
        transaction_id: Option<(&DeviceId, &TransactionId)>,
    ) -> Result<(), UsersError> {
        let view = self.shared.store.view();
        let mut waiting: Vec<(&UserId, OwnedDeviceId, String)> = Vec::new();
        for (user, by_device) in messages {
            let devices = view.scan(&schema::DEVICES, Scan::prefix((user,)));
            let devices: Vec<OwnedDeviceId> =
                devices.map(|entry| entry.map(|((_, device), _)| device)).collect::<Result<_, _>>()?;
            for (device, content) in by_device {
                let message = Message { content: content.json(), sender, event_type };
                let json = serde_json::to_string(&message).map_err(UsersError::bad_json)?;
                let meant = devices.iter().filter(|known| match device {
                    DeviceIdOrAllDevices::DeviceId(device) => device == *known,
                    DeviceIdOrAllDevices::AllDevices => true,
                });
                waiting.extend(meant.map(|device| (&**user, device.clone(), json.clone())));
            }
        }
        let outgoing = Outgoing { sender, event_type, messages }.edus(&self.shared)?;
        // Held only to see whether another request with this transaction id is being done.
        let guard = match transaction_id {
            Some((device, id)) => {
                let guard = self.shared.locks.lock(sender).await;
                let done = (sender, device, id.as_str());
                if self.shared.store.view().contains(&schema::TO_DEVICE_TRANSACTIONS, done)? {
                    return Ok(());
                }
                Some(guard)
            }
            None => None,
        };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            let first = transaction.next_position();
            for (user, device, json) in &waiting {
                let change = Change::ToDevice { user: (*user).to_owned(), device: device.clone() };
                let position = transaction.append(&change);
                transaction.put(&schema::TO_DEVICE, (*user, device, position), json);
                self.shared.forget_to_device(&mut transaction, user, device);
            }
            for (server, edu) in &outgoing {
                let position = transaction.append(&Change::Edu { server: server.clone() });
                transaction.put(&schema::DESTINATION_EDUS, (server, position), edu);
            }
            if let Some((device, id)) = transaction_id {
                let now = self.shared.clock.now_ms();
                if first.0.is_multiple_of(SWEEP_EVERY) {
                    let old = now.saturating_sub(TRANSACTION_LIFETIME_MS);
                    for entry in view.scan(&schema::TO_DEVICE_TRANSACTIONS, Scan::prefix((sender, device))) {
                        let (key, done_at) = entry?;
                        if done_at < old {
                            transaction.delete(&schema::TO_DEVICE_TRANSACTIONS, key);
                        }
                    }
                }
                transaction.put(&schema::TO_DEVICE_TRANSACTIONS, (sender, device, id.as_str()), &now);
            }
            match guard {
                Some(guard) => self.shared.submit(transaction, guard),
                None => transaction.submit(),
            }
        };
        commit.await?;
        Ok(())
    }

    /// The first messages for a device after one position and up to another, in order. Free when none waits.
    pub fn list(
        &self,
        user: &UserId,
        device: &DeviceId,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Raw<AnyToDeviceEvent>)>, UsersError> {
        if self.newest(user, device)? <= after {
            return Ok(Vec::new());
        }
        let view = self.shared.store.view();
        let scan = Scan::prefix((user, device)).after((user, device, after)).through((user, device, until));
        view.scan(&schema::TO_DEVICE, scan)
            .take(limit)
            .map(|entry| {
                let ((_, _, position), json) = entry?;
                Ok((position, Raw::from_json_string(json).map_err(UsersError::corrupt)?))
            })
            .collect()
    }

    /// Deletes the messages up to a position: the device has them.
    pub async fn delete_through(
        &self,
        user: &UserId,
        device: &DeviceId,
        through: Position,
    ) -> Result<(), UsersError> {
        if self.newest(user, device)? == Position(0) {
            return Ok(());
        }
        let view = self.shared.store.view();
        let scan = Scan::prefix((user, device)).through((user, device, through));
        let mut had = view.scan(&schema::TO_DEVICE, scan).peekable();
        if had.peek().is_none() {
            return Ok(());
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            for entry in had {
                let (key, _) = entry?;
                transaction.delete(&schema::TO_DEVICE, key);
            }
            self.shared.forget_to_device(&mut transaction, user, device);
            transaction.submit()
        };
        commit.await?;
        Ok(())
    }

    /// The newest message that waits for a device; the first position for none.
    fn newest(&self, user: &UserId, device: &DeviceId) -> Result<Position, UsersError> {
        self.shared.newest_to_device.get_or_load(&DeviceKey(user, device), DeviceKey::own, || {
            let view = self.shared.store.view();
            let newest = view.scan(&schema::TO_DEVICE, Scan::prefix((user, device)).reversed()).next();
            Ok(newest.transpose()?.map_or(Position(0), |((_, _, position), _)| position))
        })
    }
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, owned_device_id};
    use serde_json::json;

    use super::*;
    use crate::testing::{World, raw};

    type Messages = BTreeMap<OwnedUserId, BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>>;

    async fn world() -> (World, OwnedUserId) {
        let world = World::new();
        let user = world.register("alice").await;
        world.login(&user, "ONE").await;
        world.login(&user, "TWO").await;
        (world, user)
    }

    fn to(user: &UserId, device: DeviceIdOrAllDevices, number: u32) -> Messages {
        [(user.to_owned(), [(device, raw(json!({"n": number})))].into())].into()
    }

    fn waiting(world: &World, user: &UserId, device: &DeviceId, after: Position) -> Vec<(Position, u64)> {
        let messages = world.users.to_device.list(user, device, after, Position(u64::MAX), 100).unwrap();
        messages
            .iter()
            .map(|(position, message)| {
                let content = message.get_field::<serde_json::Value>("content").unwrap().unwrap();
                assert_eq!(message.get_field::<String>("sender").unwrap().unwrap(), "@bob:here");
                assert_eq!(message.get_field::<String>("type").unwrap().unwrap(), "m.test");
                (*position, content["n"].as_u64().unwrap())
            })
            .collect()
    }

    #[tokio::test]
    async fn messages_wait_in_order_until_the_device_has_them() {
        let (world, user) = world().await;
        let (bob, one) = (ruma::user_id!("@bob:here"), device_id!("ONE"));
        assert!(waiting(&world, &user, one, Position(0)).is_empty());
        for number in 0..5 {
            let messages = to(&user, owned_device_id!("ONE").into(), number);
            world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
        }
        let messages = waiting(&world, &user, one, Position(0));
        assert_eq!(messages.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let third = messages[2].0;
        assert_eq!(waiting(&world, &user, one, third).len(), 2);
        assert_eq!(world.users.to_device.list(&user, one, Position(0), third, 2).unwrap().len(), 2);
        world.users.to_device.delete_through(&user, one, third).await.unwrap();
        assert_eq!(waiting(&world, &user, one, Position(0)).len(), 2);
        world.users.to_device.delete_through(&user, one, Position(u64::MAX)).await.unwrap();
        assert!(waiting(&world, &user, one, Position(0)).is_empty());
        assert!(waiting(&world, &user, device_id!("TWO"), Position(0)).is_empty());
    }

    #[tokio::test]
    async fn all_devices_get_what_is_for_all_and_strangers_nothing() {
        let (world, user) = world().await;
        let bob = ruma::user_id!("@bob:here");
        let mut messages = to(&user, DeviceIdOrAllDevices::AllDevices, 1);
        messages.extend(to(ruma::user_id!("@nobody:here"), DeviceIdOrAllDevices::AllDevices, 1));
        let unknown = DeviceIdOrAllDevices::from(owned_device_id!("GONE"));
        messages.get_mut(&user).unwrap().insert(unknown, raw(json!({"n": 2})));
        world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
        for device in ["ONE", "TWO"] {
            assert_eq!(waiting(&world, &user, device.into(), Position(0)).len(), 1);
        }
        assert!(waiting(&world, &user, device_id!("GONE"), Position(0)).is_empty());
    }

    #[tokio::test]
    async fn a_transaction_is_done_once() {
        let (world, user) = world().await;
        let bob = world.register("bob").await;
        let (one, messages) = (device_id!("ONE"), to(&user, owned_device_id!("ONE").into(), 1));
        for (device, id) in [("PHONE", "t1"), ("PHONE", "t1"), ("PHONE", "t2"), ("OTHER", "t1")] {
            let transaction = Some((<&DeviceId>::from(device), <&TransactionId>::from(id)));
            world.users.to_device.send(&bob, "m.test", &messages, transaction).await.unwrap();
        }
        assert_eq!(waiting(&world, &user, one, Position(0)).len(), 3);
        // Old transaction ids do not pile up.
        for number in 0..300 {
            world.clock.advance(TRANSACTION_LIFETIME_MS / 10);
            let id = format!("n{number}");
            let transaction = Some((device_id!("PHONE"), <&TransactionId>::from(&*id)));
            world.users.to_device.send(&bob, "m.test", &messages, transaction).await.unwrap();
        }
        let scan = Scan::prefix((&bob, device_id!("PHONE")));
        assert!(world.store.view().scan(&schema::TO_DEVICE_TRANSACTIONS, scan).count() < 100);
    }
}
