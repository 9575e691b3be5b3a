//! What a transaction says, as JSON (application service API, "Pushing events").

use std::collections::{BTreeMap, BTreeSet};

use hearth_storage::{Position, RoomNid, schema::rooms::Membership};
use hearth_sync::PresenceNow;
use hearth_users::{KeyCounts, Users, WaitingMessages};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId, presence::PresenceState};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{batch::Batch, interest::Interest};
use crate::{AppServices, PushError, Service, appservices::Parts};

/// How many messages to devices a transaction has at most, and how large they may be together, in bytes.
const MAX_MESSAGES: usize = 500;
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// A transaction's body. What services read by the names of proposals is said under both names.
#[derive(Serialize, Default)]
pub(super) struct Body {
    /// Always there: some services take none without it.
    events: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ephemeral: Vec<Value>,
    #[serde(rename = "de.sorunome.msc2409.ephemeral", skip_serializing_if = "Vec::is_empty")]
    ephemeral_unstable: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_device: Vec<Value>,
    #[serde(rename = "de.sorunome.msc2409.to_device", skip_serializing_if = "Vec::is_empty")]
    to_device_unstable: Vec<Value>,
    #[serde(rename = "org.matrix.msc3202.device_lists", skip_serializing_if = "Option::is_none")]
    device_lists: Option<DeviceLists>,
    #[serde(
        rename = "org.matrix.msc3202.device_one_time_keys_count",
        skip_serializing_if = "Option::is_none"
    )]
    one_time_keys: Option<ByDevice>,
    /// As the proposal's first text had it.
    #[serde(
        rename = "org.matrix.msc3202.device_one_time_key_counts",
        skip_serializing_if = "Option::is_none"
    )]
    one_time_keys_misspelt: Option<ByDevice>,
    #[serde(
        rename = "org.matrix.msc3202.device_unused_fallback_key_types",
        skip_serializing_if = "Option::is_none"
    )]
    fallback_keys: Option<ByDevice>,
}

#[derive(Serialize)]
struct DeviceLists {
    changed: BTreeSet<OwnedUserId>,
    left: BTreeSet<OwnedUserId>,
}

type ByDevice = BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Value>>;

/// Messages to devices, as they are told.
#[derive(Default)]
pub(super) struct Messages {
    told: Vec<Value>,
    bytes: usize,
    to: BTreeSet<OwnedUserId>,
    /// What goes out of which queue when the service has them.
    pub delivered: Vec<(OwnedUserId, OwnedDeviceId, Position)>,
}

impl Messages {
    /// Takes what waits for devices up to a position; those of which all was taken are no longer named. So many that
    /// it may be, that some are left, which then have to come before whatever they open.
    pub fn take(
        users: &Users,
        service: &Service,
        devices: &mut BTreeSet<(OwnedUserId, OwnedDeviceId)>,
        told: Position,
        until: Position,
    ) -> Result<Self, PushError> {
        let mut messages = Self::default();
        while let Some((user, device)) = devices.first() {
            if messages.told.len() >= MAX_MESSAGES || messages.bytes >= MAX_MESSAGE_BYTES {
                break;
            }
            let (user, device) = (user.clone(), device.clone());
            match service.owns_user(&user) {
                // The queue holds what the service does not have yet, and nobody else takes anything out of it.
                true => {
                    let waiting = users.to_device.list(&user, &device, Position::NONE, until)?;
                    messages.add_all(&user, &device, &waiting);
                    if !waiting.messages.is_empty() {
                        messages.delivered.push((user, device, waiting.through));
                    }
                    if waiting.through < until {
                        break;
                    }
                }
                // The user's own client gets them as well.
                false => {
                    let mut after = told;
                    while after < until {
                        let waiting = users.to_device.list(&user, &device, after, until)?;
                        messages.add_all(&user, &device, &waiting);
                        after = waiting.through;
                    }
                }
            }
            devices.pop_first();
        }
        Ok(messages)
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    fn add_all(&mut self, user: &UserId, device: &DeviceId, waiting: &WaitingMessages) {
        for (_, message) in &waiting.messages {
            self.add(user, device, message.json());
        }
    }

    fn add(&mut self, user: &UserId, device: &DeviceId, message: &RawValue) {
        self.bytes += message.get().len();
        let mut message: Map<String, Value> = serde_json::from_str(message.get()).unwrap_or_default();
        message.insert("to_user_id".to_owned(), user.as_str().into());
        message.insert("to_device_id".to_owned(), device.as_str().into());
        self.told.push(message.into());
        self.to.insert(user.to_owned());
    }
}

impl Body {
    /// All that a batch holds, with messages to devices.
    pub fn new(
        services: &AppServices,
        service: &Service,
        interest: &Interest,
        batch: Batch,
        messages: Messages,
    ) -> Result<Self, PushError> {
        let parts = services.parts();
        let ephemeral = ephemeral(parts, &batch);
        let mut body = Self {
            ephemeral_unstable: ephemeral.clone(),
            ephemeral,
            to_device_unstable: messages.told.clone(),
            to_device: messages.told,
            ..Self::default()
        };
        if service.encryption {
            let mut counted = batch.counted;
            counted.insert(service.sender.clone());
            counted.extend(messages.to);
            for room in &batch.rooms {
                // A room that is not here has no members to read.
                let Ok(room) = parts.rooms.room_by_nid(*room) else { continue };
                let users = interest.users_in(&room, &[Membership::Join])?;
                counted.extend(users.into_iter().map(|(user, _)| user));
            }
            body.count_keys(parts, &counted)?;
            if !batch.changed_lists.is_empty() || !batch.left_lists.is_empty() {
                let (changed, left) = (batch.changed_lists, batch.left_lists);
                body.device_lists = Some(DeviceLists { changed, left });
            }
        }
        body.events = batch.events;
        Ok(body)
    }

    fn count_keys(&mut self, parts: &Parts, users: &BTreeSet<OwnedUserId>) -> Result<(), PushError> {
        let (mut one_time_keys, mut fallback_keys) = (ByDevice::new(), ByDevice::new());
        for user in users {
            for device in parts.users.devices.ids(user)? {
                let counts = parts.users.device_keys.counts(user, &device)?;
                let KeyCounts { one_time_keys: keys, unused_fallback_key_types: unused } = &*counts;
                one_time_keys.entry(user.clone()).or_default().insert(device.clone(), json!(keys));
                fallback_keys.entry(user.clone()).or_default().insert(device, json!(unused));
            }
        }
        self.one_time_keys_misspelt = Some(one_time_keys.clone());
        self.one_time_keys = Some(one_time_keys);
        self.fallback_keys = Some(fallback_keys);
        Ok(())
    }
}

fn ephemeral(parts: &Parts, batch: &Batch) -> Vec<Value> {
    // Of a room that is gone nothing is told.
    let room_id = |nid: &RoomNid| parts.rooms.room_by_nid(*nid).ok().map(|room| room.id().to_owned());
    let mut told = Vec::new();
    for room in &batch.typing {
        if let Some(id) = room_id(room) {
            let content = json!({ "user_ids": parts.sync.typing(*room) });
            told.push(json!({ "type": "m.typing", "room_id": id, "content": content }));
        }
    }
    let mut receipts: BTreeMap<RoomNid, Value> = BTreeMap::new();
    for (room, key, row) in &batch.receipts {
        let mut receipt = json!({ "ts": row.ts });
        if !key.thread.is_empty() {
            receipt["thread_id"] = key.thread.as_str().into();
        }
        let content = receipts.entry(*room).or_insert_with(|| json!({}));
        content[row.event_id.as_str()][&key.receipt_type][key.user.as_str()] = receipt;
    }
    for (room, content) in receipts {
        if let Some(id) = room_id(&room) {
            told.push(json!({ "type": "m.receipt", "room_id": id, "content": content }));
        }
    }
    told.extend(batch.presence.iter().map(|(user, now)| presence(user, now)));
    told
}

fn presence(user: &UserId, now: &PresenceNow) -> Value {
    let mut content = json!({ "presence": now.presence, "currently_active": now.currently_active });
    if now.presence != PresenceState::Offline || now.last_active_ago_ms > 0 {
        content["last_active_ago"] = now.last_active_ago_ms.into();
    }
    if let Some(message) = &now.status_message {
        content["status_msg"] = message.as_str().into();
    }
    json!({ "type": "m.presence", "sender": user, "content": content })
}
