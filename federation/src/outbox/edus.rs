//! EDUs as other servers get them (server-server API, "EDUs").

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use hearth_rooms::Rooms;
use hearth_storage::RoomNid;
use hearth_sync::PresenceNow;
use hearth_users::{DeviceChange, SharedChange, SigningKeys};
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::queues::{Ephemeral, Receipt};

/// The EDUs of one transaction.
#[derive(Default)]
pub(super) struct Edus(pub Vec<Box<RawValue>>);

impl Edus {
    fn push(&mut self, edu_type: &str, content: Value) {
        match to_raw_value(&json!({ "edu_type": edu_type, "content": content })) {
            Ok(edu) => self.0.push(edu),
            Err(error) => tracing::error!(%error, edu_type, "an EDU cannot be written"),
        }
    }

    /// What changed in a user's device list.
    pub fn shared_change(&mut self, user: &UserId, change: SharedChange) {
        if let Some(DeviceChange { device, stream_id, previous, deleted, keys }) = change.device {
            let mut content = json!({
                "user_id": user,
                "device_id": device,
                "stream_id": stream_id,
                "prev_id": previous.map_or_else(Vec::new, |previous| vec![previous]),
            });
            if let Some(keys) = keys {
                content["keys"] = json!(keys);
            }
            if deleted {
                content["deleted"] = true.into();
            }
            self.push("m.device_list_update", content);
        }
        if let Some(SigningKeys { master_key, self_signing_key }) = change.signing_keys {
            let mut content = json!({ "user_id": user });
            for (name, key) in [("master_key", master_key), ("self_signing_key", self_signing_key)] {
                if let Some(key) = key {
                    content[name] = json!(key);
                }
            }
            self.push("m.signing_key_update", content);
        }
    }

    /// Typing, presence and receipts: one EDU for all presence, one for the receipts of all rooms and each thread.
    pub fn ephemeral(&mut self, ephemeral: &[Arc<Ephemeral>], rooms: &Rooms) {
        let mut names = RoomNames { rooms, known: BTreeMap::new() };
        let mut presence = Vec::new();
        let mut threads: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for one in ephemeral {
            match &**one {
                Ephemeral::Typing { room, user, typing } => {
                    if let Some(room) = names.of(*room) {
                        self.push("m.typing", json!({ "room_id": room, "user_id": user, "typing": typing }));
                    }
                }
                Ephemeral::Presence { user, now } => presence.push(presence_of(user, now)),
                Ephemeral::Receipt(receipt) => {
                    if let Some(room) = names.of(receipt.room) {
                        let by_room = threads.entry(&receipt.thread).or_default();
                        let read = by_room.entry(room.as_str()).or_insert_with(|| json!({ "m.read": {} }));
                        read["m.read"][receipt.user.as_str()] = receipt_of(receipt);
                    }
                }
            }
        }
        if !presence.is_empty() {
            self.push("m.presence", json!({ "push": presence }));
        }
        for (_, by_room) in threads {
            self.push("m.receipt", Value::Object(by_room));
        }
    }
}

fn presence_of(user: &OwnedUserId, now: &PresenceNow) -> Value {
    let mut presence = json!({
        "user_id": user,
        "presence": now.presence,
        "last_active_ago": now.last_active_ago_ms,
        "currently_active": now.currently_active,
    });
    if let Some(message) = &now.status_message {
        presence["status_msg"] = json!(message);
    }
    presence
}

fn receipt_of(receipt: &Receipt) -> Value {
    let mut data = json!({ "ts": receipt.ts });
    if !receipt.thread.is_empty() {
        data["thread_id"] = json!(receipt.thread);
    }
    json!({ "data": data, "event_ids": [receipt.event_id] })
}

/// The ids of rooms.
struct RoomNames<'a> {
    rooms: &'a Rooms,
    known: BTreeMap<RoomNid, Option<OwnedRoomId>>,
}

impl RoomNames<'_> {
    fn of(&mut self, room: RoomNid) -> Option<&OwnedRoomId> {
        match self.known.entry(room) {
            Entry::Occupied(known) => known.into_mut().as_ref(),
            Entry::Vacant(unknown) => {
                let found = self.rooms.room_by_nid(room).ok();
                unknown.insert(found.map(|room| room.id().to_owned())).as_ref()
            }
        }
    }
}
