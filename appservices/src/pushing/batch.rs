//! What is to be told to a service, gathered from the log until a transaction is made of it.

use std::collections::{BTreeMap, BTreeSet};

use hearth_storage::{
    RoomNid,
    schema::rooms::{ReceiptKeyRow, ReceiptRow},
};
use hearth_sync::PresenceNow;
use ruma::{OwnedDeviceId, OwnedUserId};
use serde_json::value::RawValue;

/// How many events a transaction has at most, and how large they may be together, in bytes; one is told however large
/// it is.
const MAX_EVENTS: usize = 100;
const MAX_EVENT_BYTES: usize = 4 << 20;
/// How much else is gathered before it is told.
const MAX_OTHERS: usize = 1000;

/// What is to be told.
#[derive(Default)]
pub(super) struct Batch {
    /// In their order, as JSON.
    pub events: Vec<Box<RawValue>>,
    event_bytes: usize,
    /// In which rooms they are.
    pub rooms: BTreeSet<RoomNid>,
    pub receipts: Vec<(RoomNid, ReceiptKeyRow, ReceiptRow)>,
    /// The rooms in which it changed who types.
    pub typing: BTreeSet<RoomNid>,
    pub presence: BTreeMap<OwnedUserId, PresenceNow>,
    /// For whom messages wait.
    pub to_device: BTreeSet<(OwnedUserId, OwnedDeviceId)>,
    /// Whose device lists changed, and whose do not matter any more.
    pub changed_lists: BTreeSet<OwnedUserId>,
    pub left_lists: BTreeSet<OwnedUserId>,
    /// Whose keys changed in number.
    pub counted: BTreeSet<OwnedUserId>,
}

impl Batch {
    pub fn event(&mut self, room: RoomNid, event: Box<RawValue>) {
        self.event_bytes += event.get().len();
        self.events.push(event);
        self.rooms.insert(room);
    }

    /// Whether nothing more goes into a transaction.
    pub fn is_full(&self) -> bool {
        let others = self.receipts.len()
            + self.changed_lists.len()
            + self.left_lists.len()
            + self.typing.len()
            + self.presence.len()
            + self.to_device.len()
            + self.counted.len();
        self.events.len() >= MAX_EVENTS || self.event_bytes >= MAX_EVENT_BYTES || others >= MAX_OTHERS
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.is_empty_but_for_events()
    }

    fn is_empty_but_for_events(&self) -> bool {
        self.receipts.is_empty()
            && self.typing.is_empty()
            && self.presence.is_empty()
            && self.to_device.is_empty()
            && self.changed_lists.is_empty()
            && self.left_lists.is_empty()
            && self.counted.is_empty()
    }

    /// A device list changed, or has to be known from now on.
    pub fn changed_list(&mut self, user: &OwnedUserId) {
        self.left_lists.remove(user);
        self.changed_lists.insert(user.clone());
    }

    /// A device list does not matter any more.
    pub fn left_list(&mut self, user: &OwnedUserId) {
        self.changed_lists.remove(user);
        self.left_lists.insert(user.clone());
    }
}
