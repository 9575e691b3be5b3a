//! Messages to devices (client-server API, "Send-to-Device messaging").

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::{
    Change, Position, Scan, Transaction, View,
    schema::{
        self,
        users::{ToDeviceContent, ToDeviceRow},
    },
};
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
    UsersError, json,
    shared::{DeviceKey, Shared},
};

mod outgoing;
mod queue;

pub(crate) use self::queue::clear;

/// The largest content of a message, in bytes: as large as an event may be.
const MAX_CONTENT: usize = 64 << 10;

/// The longest type of a message and the longest transaction id, in bytes.
const MAX_NAME: usize = 255;

/// How many devices here one request may reach. Clients send to some hundreds at once.
const MAX_DEVICES: usize = 10_000;

/// How many messages a device is told of at once, and how large they may be together, in bytes; one is told however
/// large it is.
const MAX_TOLD: usize = 100;
const MAX_TOLD_BYTES: usize = 1 << 20;

/// How long a transaction id is known, in milliseconds.
const TRANSACTION_LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// Old transaction ids are swept out at one in so many positions.
const SWEEP_EVERY: u64 = 64;

/// Messages that wait for devices.
#[derive(Clone)]
pub struct ToDevice {
    shared: Arc<Shared>,
}

/// Messages by user and device.
type Messages = BTreeMap<OwnedUserId, BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>>;

/// Their contents, checked.
type Contents<'a> = BTreeMap<&'a UserId, BTreeMap<&'a DeviceIdOrAllDevices, Box<RawValue>>>;

/// What a device is told of.
#[derive(Clone, Debug)]
pub struct WaitingMessages {
    /// In the order in which they came.
    pub messages: Vec<(Position, Raw<AnyToDeviceEvent>)>,
    /// No message up to here is missing.
    pub through: Position,
}

/// A message as its device gets it.
#[derive(Serialize)]
struct Message<'a> {
    content: &'a RawValue,
    sender: &'a UserId,
    #[serde(rename = "type")]
    event_type: &'a str,
}

/// A content and those devices of a user that get it.
struct Delivery<'a> {
    user: &'a UserId,
    devices: Vec<OwnedDeviceId>,
    content: &'a str,
}

impl ToDevice {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Puts messages before devices, all in one commit. What a user of this server sends to users of others waits
    /// until their servers have it; other users and devices that are not here are passed over. With a transaction
    /// of the sender's device that was done before, nothing happens again.
    ///
    /// A device for which too much waits loses what is oldest of who has sent most of it.
    ///
    /// # Errors
    ///
    /// [`UsersError::TooLarge`] and [`UsersError::BadJson`] for a content, [`UsersError::InvalidParam`] for a type
    /// or a transaction id that is too long; nothing is sent then.
    pub async fn send(
        &self,
        sender: &UserId,
        event_type: &str,
        messages: &Messages,
        transaction_id: Option<(&DeviceId, &TransactionId)>,
    ) -> Result<(), UsersError> {
        let id = transaction_id.map_or("", |(_, id)| id.as_str());
        if event_type.len() > MAX_NAME || id.len() > MAX_NAME {
            return Err(UsersError::InvalidParam(format!(
                "the type and the transaction ID have at most {MAX_NAME} bytes"
            )));
        }
        let contents = checked(messages)?;
        let outgoing = Outgoing { sender, event_type, contents: &contents }.edus(&self.shared)?;
        let users = recipients(&self.shared.store.view(), &contents)?;
        let guard = self.shared.locks.lock_all(users.iter().copied().chain([sender])).await;
        let view = self.shared.store.written();
        if let Some((device, id)) = transaction_id
            && view.contains(&schema::TO_DEVICE_TRANSACTIONS, (sender, device, id.as_str()))?
        {
            return self.shared.nothing_to_write(guard).await;
        }
        let deliveries = deliveries(&view, &contents)?;
        let now = self.shared.clock.now_ms();
        let mut queues: BTreeMap<(&UserId, &DeviceId), u64> = BTreeMap::new();
        for delivery in &deliveries {
            for device in &delivery.devices {
                *queues.entry((delivery.user, device)).or_default() +=
                    queue::weight([delivery.content.len()]);
            }
        }
        let mut outdated = Vec::new();
        for (&(user, device), &coming) in &queues {
            outdated.push(queue::outdated(&view, user, device, coming, now)?);
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            for delivery in &deliveries {
                deliver(&mut transaction, sender, event_type, delivery, now);
            }
            for ((&(user, device), &coming), gone) in queues.iter().zip(&outdated) {
                queue::remove(&mut transaction, &view, user, gone)?;
                queue::reweigh(&mut transaction, &view, user, device, coming, gone)?;
            }
            for (server, edu) in &outgoing {
                let position = transaction.append(&Change::Edu { server: server.clone() });
                transaction.put(&schema::DESTINATION_EDUS, (server, position), edu);
            }
            if let Some((device, id)) = transaction_id {
                if self.shared.store.published().0.is_multiple_of(SWEEP_EVERY) {
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
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// The first messages for a device after one position and up to another, in order: as many as it is told of at
    /// once. Free when none waits.
    pub fn list(
        &self,
        user: &UserId,
        device: &DeviceId,
        after: Position,
        until: Position,
    ) -> Result<WaitingMessages, UsersError> {
        let mut told = WaitingMessages { messages: Vec::new(), through: until };
        if self.newest(user, device)? <= after {
            return Ok(told);
        }
        let view = self.shared.store.view();
        let scan = Scan::prefix((user, device)).after((user, device, after)).through((user, device, until));
        let mut bytes = 0;
        for entry in view.scan(&schema::TO_DEVICE, scan) {
            let ((_, _, position), row) = entry?;
            let content = match row.content {
                ToDeviceContent::Own(content) => content,
                ToDeviceContent::Shared(first) => match view.get(&schema::TO_DEVICE_SHARED, (user, first))? {
                    Some(content) => content,
                    // The device has got it meanwhile, by another request.
                    None => continue,
                },
            };
            bytes += content.len();
            if told.messages.len() == MAX_TOLD || (bytes > MAX_TOLD_BYTES && !told.messages.is_empty()) {
                told.through = told.messages.last().map_or(after, |(position, _)| *position);
                break;
            }
            let content = RawValue::from_string(content).map_err(UsersError::corrupt)?;
            let message = Message { content: &content, sender: &row.sender, event_type: &row.event_type };
            let json = serde_json::to_string(&message).map_err(UsersError::corrupt)?;
            told.messages.push((position, Raw::from_json_string(json).map_err(UsersError::corrupt)?));
        }
        Ok(told)
    }

    /// Whether a device waits to have the messages up to a position deleted.
    pub fn has_any(&self, user: &UserId, device: &DeviceId, through: Position) -> Result<bool, UsersError> {
        if self.newest(user, device)? == Position(0) {
            return Ok(false);
        }
        let view = self.shared.store.view();
        Ok(queue::waiting(&view, user, device, through).next().transpose()?.is_some())
    }

    /// Deletes the messages up to a position: the device has them.
    pub async fn delete_through(
        &self,
        user: &UserId,
        device: &DeviceId,
        through: Position,
    ) -> Result<(), UsersError> {
        if !self.has_any(user, device, through)? {
            return Ok(());
        }
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let had: Vec<_> = queue::waiting(&view, user, device, through).collect::<Result<_, _>>()?;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            queue::remove(&mut transaction, &view, user, &had)?;
            queue::reweigh(&mut transaction, &view, user, device, 0, &had)?;
            self.shared.submit(transaction, guard)
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

/// Writes what devices get. A content that several get is written once.
fn deliver(
    transaction: &mut Transaction,
    sender: &UserId,
    event_type: &str,
    delivery: &Delivery<'_>,
    now: u64,
) {
    let Delivery { user, devices, content } = delivery;
    let first = transaction.next_position();
    let shared = devices.len() > 1;
    if shared {
        transaction.put(&schema::TO_DEVICE_SHARED, (user, first), &(*content).to_owned());
    }
    for device in devices {
        let position =
            transaction.append(&Change::ToDevice { user: (*user).to_owned(), device: device.clone() });
        let row = ToDeviceRow {
            sender: sender.to_owned(),
            event_type: event_type.to_owned(),
            sent_at: now,
            size: content.len() as u32,
            content: match shared {
                true => ToDeviceContent::Shared(first),
                false => ToDeviceContent::Own((*content).to_owned()),
            },
        };
        transaction.put(&schema::TO_DEVICE, (user, device, position), &row);
        if shared {
            transaction.put(&schema::TO_DEVICE_SHARERS, (user, first, device), &());
        }
    }
}

/// The contents of messages, each well-formed and small enough.
fn checked(messages: &Messages) -> Result<Contents<'_>, UsersError> {
    let mut contents = Contents::new();
    for (user, by_device) in messages {
        for (device, content) in by_device {
            let content = json::well_formed(content.json().get())?;
            if content.len() > MAX_CONTENT {
                return Err(UsersError::TooLarge("a message to a device is larger than 64 KiB"));
            }
            let content = RawValue::from_string(content).map_err(UsersError::bad_json)?;
            contents.entry(user).or_default().insert(device, content);
        }
    }
    Ok(contents)
}

/// Those users who have devices here.
fn recipients<'a>(view: &View, contents: &Contents<'a>) -> Result<Vec<&'a UserId>, UsersError> {
    let mut users = Vec::new();
    for user in contents.keys().copied() {
        if view.scan(&schema::DEVICES, Scan::prefix((user,))).next().transpose()?.is_some() {
            users.push(user);
        }
    }
    Ok(users)
}

/// Which devices here get what.
fn deliveries<'a>(view: &View, contents: &'a Contents<'_>) -> Result<Vec<Delivery<'a>>, UsersError> {
    let (mut deliveries, mut reached) = (Vec::new(), 0);
    for (user, by_device) in contents {
        let known = view.scan(&schema::DEVICES, Scan::prefix((*user,)));
        let known: Vec<OwnedDeviceId> =
            known.map(|entry| entry.map(|((_, device), _)| device)).collect::<Result<_, _>>()?;
        for (meant, content) in by_device {
            let is_meant = |device: &&OwnedDeviceId| match meant {
                DeviceIdOrAllDevices::DeviceId(meant) => meant == *device,
                DeviceIdOrAllDevices::AllDevices => true,
            };
            let devices: Vec<OwnedDeviceId> = known.iter().filter(is_meant).cloned().collect();
            reached += devices.len();
            if reached > MAX_DEVICES {
                return Err(UsersError::TooLarge("one request sends to too many devices"));
            }
            deliveries.push(Delivery { user, devices, content: content.get() });
        }
    }
    Ok(deliveries)
}

#[cfg(test)]
mod tests;
