//! Messages to devices were kept as the device gets them. Now their parts are apart, with the time at which they came,
//! and what waits for a device is weighed.

use std::collections::BTreeMap;

use ruma::{OwnedDeviceId, OwnedUserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Access, Batch, Keyspace, Position, Scan, StorageError, View,
    schema::{
        self,
        users::{ToDeviceContent, ToDeviceRow},
    },
};

/// What was kept.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    sender: OwnedUserId,
    #[serde(rename = "type")]
    event_type: String,
}

/// The keyspace as it was.
const fn before() -> Keyspace<(OwnedUserId, OwnedDeviceId, Position), String> {
    Keyspace::new("TO_DEVICE", Access::Append, schema::TO_DEVICE.raw.index)
}

/// What a message weighs beside its content.
const MESSAGE_WEIGHT: u64 = 1 << 10;

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    // Nobody wrote down when a message came: they count from when the server was last in use.
    let mut last_used = 0;
    for row in view.scan(&schema::DEVICES, Scan::all()) {
        last_used = last_used.max(row?.1.last_seen_at.unwrap_or_default());
    }
    let old = before();
    let mut weights: BTreeMap<(OwnedUserId, OwnedDeviceId), u64> = BTreeMap::new();
    for row in view.scan(&old, Scan::all()) {
        let ((user, device, position), json) = row?;
        if !view.contains(&schema::DEVICES, (&user, &device))? {
            batch.delete(&schema::TO_DEVICE, (&user, &device, position));
            continue;
        }
        let message: Message<'_> = serde_json::from_str(&json).map_err(|error| {
            StorageError::corrupt(format!("a message to a device cannot be read: {error}"))
        })?;
        let content = message.content.get().to_owned();
        let size = content.len() as u32;
        let row = ToDeviceRow {
            sender: message.sender,
            event_type: message.event_type,
            sent_at: last_used,
            size,
            content: ToDeviceContent::Own(content),
        };
        batch.put(&schema::TO_DEVICE, (&user, &device, position), &row);
        *weights.entry((user, device)).or_default() += u64::from(size) + MESSAGE_WEIGHT;
    }
    for ((user, device), weight) in weights {
        batch.put(&schema::TO_DEVICE_WEIGHTS, (&user, &device), &weight);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, user_id};

    use super::*;
    use crate::{Engine as _, MemoryEngine, schema::users::DeviceRow};

    #[test]
    fn messages_are_taken_apart_and_weighed() {
        let (engine, user, phone) = (MemoryEngine::new(), user_id!("@alice:here"), device_id!("PHONE"));
        let mut batch = Batch::default();
        let device = DeviceRow { display_name: None, last_seen_at: Some(7), last_seen_ip: None };
        batch.put(&schema::DEVICES, (user, phone), &device);
        let message = r#"{"content":{"a":1},"sender":"@bob:here","type":"m.test"}"#.to_owned();
        batch.put(&before(), (user, phone, Position(1)), &message);
        batch.put(&before(), (user, device_id!("GONE"), Position(2)), &message);
        engine.apply([&batch].into_iter(), true).unwrap();

        let view = View::latest(engine.clone().into());
        let mut batch = Batch::default();
        upgrade(&view, &mut batch).unwrap();
        engine.apply([&batch].into_iter(), true).unwrap();
        let rows: Vec<_> = view.scan(&schema::TO_DEVICE, Scan::all()).collect::<Result<_, _>>().unwrap();
        let row = ToDeviceRow {
            sender: user_id!("@bob:here").to_owned(),
            event_type: "m.test".to_owned(),
            sent_at: 7,
            size: 7,
            content: ToDeviceContent::Own(r#"{"a":1}"#.to_owned()),
        };
        assert_eq!(rows, [((user.to_owned(), phone.to_owned(), Position(1)), row)]);
        assert_eq!(view.get(&schema::TO_DEVICE_WEIGHTS, (user, phone)).unwrap(), Some(7 + MESSAGE_WEIGHT));
    }
}
