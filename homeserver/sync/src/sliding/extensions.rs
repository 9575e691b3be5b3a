//! What is asked for besides rooms ("Extensions"): messages to the device, keys, account data, receipts, typing.

mod account_data;
mod e2ee;
mod profiles;
mod receipts;
mod sticky;
mod threads;
mod to_device;

use std::collections::HashMap;

use hearth_users::AccountDataItem;
use ruma::{OwnedRoomId, RoomId};
use serde::Deserialize;

use super::{request::Asked, view::Viewed};
use crate::{SyncError, json::Object, scope::Scope};

pub(super) use self::{
    account_data::{RoomAccountData, write_global},
    e2ee::{member_changes, write_e2ee},
    profiles::{add_seen, write_profiles},
    receipts::RoomReceipts,
    sticky::Sticky,
    threads::write_threads,
    to_device::write_to_device,
};
pub(crate) use self::{profiles::ProfilesAsked, to_device::told_to_device};

/// Set in a connection's `extensions` where all global account data was told.
pub(super) const ACCOUNT_DATA: u8 = 1;
/// The same for thread subscriptions.
pub(super) const THREADS: u8 = 2;
/// The same for the profiles of those in view.
pub(super) const PROFILES: u8 = 4;

/// The extensions that a request asks for.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub(crate) struct ExtensionsAsked {
    /// MSC3885
    #[serde(default)]
    pub to_device: Limited,
    /// MSC3884
    #[serde(default)]
    pub e2ee: Switch,
    /// MSC3959
    #[serde(default)]
    pub account_data: ByRoom,
    /// MSC3960
    #[serde(default)]
    pub receipts: ByRoom,
    /// MSC3961
    #[serde(default)]
    pub typing: ByRoom,
    /// MSC4308
    #[serde(default, rename = "io.element.msc4308.thread_subscriptions")]
    pub threads: Limited,
    #[serde(default, rename = "org.matrix.msc4262.profiles")]
    pub profiles: ProfilesAsked,
    /// MSC4480
    #[serde(default, rename = "org.matrix.msc4354.sticky_events")]
    pub sticky: Limited,
}

/// An extension that is on or off.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub(crate) struct Switch {
    enabled: Option<bool>,
}

impl Switch {
    pub fn is_on(&self) -> bool {
        self.enabled == Some(true)
    }
}

/// An extension of which only so much is wanted at once.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub(crate) struct Limited {
    #[serde(flatten)]
    pub switch: Switch,
    limit: Option<u64>,
    /// Up to where the client has messages to its device, or sticky events.
    pub since: Option<String>,
}

impl Limited {
    /// How much is wanted, at least one and at most so many.
    pub fn limit(&self, most: usize) -> usize {
        self.limit.map_or(most, |limit| usize::try_from(limit).unwrap_or(most).clamp(1, most))
    }
}

/// An extension for rooms: those of lists and those that are subscribed to; all of them where it does not say which.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub(crate) struct ByRoom {
    #[serde(flatten)]
    pub switch: Switch,
    lists: Option<Vec<String>>,
    rooms: Option<Vec<String>>,
}

impl ByRoom {
    /// Whether it is for a room in view.
    pub(super) fn takes(&self, asked: &Asked, viewed: &Viewed, id: &RoomId) -> bool {
        const ALL: &str = "*";
        let names = |named: &Option<Vec<String>>, name: &str| {
            named.as_ref().is_none_or(|named| named.iter().any(|known| known == ALL || known == name))
        };
        self.switch.is_on()
            && (viewed.lists.iter().any(|list| names(&self.lists, &asked.lists[*list].name))
                || (viewed.subscribed && names(&self.rooms, id.as_str())))
    }
}

/// The parts of an answer that tell of rooms besides the rooms themselves, by extension.
#[derive(Default)]
pub(super) struct RoomParts(String);

impl RoomParts {
    /// Begins the part of a room, which is to be pushed onto what this gives back.
    pub fn room(&mut self, id: &RoomId) -> &mut String {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        hearth_spec::canonical_json::write_string(&mut self.0, id.as_str());
        self.0.push(':');
        &mut self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes `"rooms": {…}`, if there are any.
    pub fn write(mut self, object: &mut Object<'_>) {
        if !self.is_empty() {
            self.0.push('}');
            object.json("rooms", &self.0);
        }
    }
}

/// What changed of account data since an answer.
#[derive(Default)]
pub(super) struct AccountDataChanges {
    pub global: Vec<AccountDataItem>,
    pub by_room: HashMap<OwnedRoomId, Vec<AccountDataItem>>,
}

impl AccountDataChanges {
    /// What changed since the answer that the client has.
    pub fn read(scope: &Scope<'_>) -> Result<Self, SyncError> {
        let mut changes = Self::default();
        let Some(since) = scope.since else { return Ok(changes) };
        for mut item in scope.users.account_data.changes(scope.user, since.log(), scope.upto.log)? {
            match item.room.take() {
                Some(room) => changes.by_room.entry(room).or_default().push(item),
                None => changes.global.push(item),
            }
        }
        Ok(changes)
    }

    /// Whether other rooms are direct chats now.
    pub fn other_direct_chats(&self) -> bool {
        self.global.iter().any(|item| item.data_type == "m.direct")
    }
}
