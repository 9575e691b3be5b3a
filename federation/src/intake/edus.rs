//! EDUs: what is of the moment, and messages to devices (server-server API, "EDUs", "Typing notifications",
//! "Receipts", "Presence", "Device management", "Send-to-device messaging").
//!
//! A server speaks for its own users only.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use hearth_rooms::{Room, RoomError};
use hearth_storage::schema::rooms::Membership;
use hearth_sync::PresenceNow;
use hearth_users::UsersError;
use ruma::{
    DeviceId, OwnedEventId, OwnedUserId, ServerName,
    api::federation::transactions::edu::{
        DirectDeviceContent, Edu, PresenceContent, PresenceUpdate, ReceiptContent, TypingContent,
    },
    serde::Raw,
};

use crate::{Federation, FederationError};

/// The largest EDU that is read, in bytes: as large as an event may be.
const MAX_BYTES: usize = 64 << 10;
/// The same of messages to devices, which servers send for all devices here of all users at once: a room's key for some
/// hundred of them. Lost, nobody could read what follows.
const MAX_MESSAGE_BYTES: usize = 512 << 10;
/// How many receipts, and how many presences, of one transaction are taken in.
const MAX_RECEIPTS: usize = 1000;
const MAX_PRESENCES: usize = 1000;
/// How many receipts are written at once.
const RECEIPTS_AT_ONCE: usize = 32;
/// Messages of one server are told apart by their ids alone: this stands for its devices.
const ANY_DEVICE: &str = "";

/// A receipt that its user may give.
struct Receipt {
    room: Room,
    user: OwnedUserId,
    thread: Option<String>,
    event: OwnedEventId,
}

/// What kind of EDU it is.
pub(super) fn edu_type(edu: &Raw<Edu>) -> Option<String> {
    edu.get_field("edu_type").ok().flatten()
}

fn is_too_large(edu: &Raw<Edu>) -> bool {
    let max = match edu_type(edu).as_deref() {
        Some("m.direct_to_device") => MAX_MESSAGE_BYTES,
        _ => MAX_BYTES,
    };
    edu.json().get().len() > max
}

impl Federation {
    /// Takes in the EDUs of a transaction.
    ///
    /// # Errors
    /// What must not be lost could not be stored.
    pub(crate) async fn take_in_edus(
        &self,
        origin: &ServerName,
        edus: Vec<Raw<Edu>>,
    ) -> Result<(), FederationError> {
        let mut changed_devices = BTreeSet::new();
        for edu in edus {
            if is_too_large(&edu) {
                tracing::debug!(%origin, "an EDU is too large");
                continue;
            }
            let edu = match edu.deserialize() {
                Ok(edu) => edu,
                Err(error) => {
                    tracing::debug!(%origin, %error, "an EDU cannot be read");
                    continue;
                }
            };
            match edu {
                Edu::Typing(typing) => self.take_in_typing(origin, &typing)?,
                Edu::Receipt(receipts) => self.take_in_receipts(origin, &receipts).await?,
                Edu::Presence(presence) => self.take_in_presence(origin, presence)?,
                Edu::DirectToDevice(message) => self.take_in_message(origin, message).await?,
                Edu::DeviceListUpdate(update)
                    if update.user_id.server_name() == origin
                        && self.follow_device(origin, &update).await? =>
                {
                    changed_devices.insert(update.user_id);
                }
                Edu::SigningKeyUpdate(update) if update.user_id.server_name() == origin => {
                    self.follow_signing_keys(origin, &update).await?;
                    changed_devices.insert(update.user_id);
                }
                _ => {}
            }
        }
        for user in changed_devices {
            if self.is_around(&user)? {
                self.users().device_keys.remote_changed(&user).await?;
            }
        }
        Ok(())
    }

    fn take_in_typing(&self, origin: &ServerName, typing: &TypingContent) -> Result<(), FederationError> {
        let user = &typing.user_id;
        if user.server_name() == origin
            && let Some(room) = self.room_here(&typing.room_id)?
            && room.may_be_joined(user)?
            && room.may_take_part(origin)?
        {
            self.sync().set_remote_typing(&room, user, typing.typing);
        }
        Ok(())
    }

    async fn take_in_receipts(
        &self,
        origin: &ServerName,
        receipts: &ReceiptContent,
    ) -> Result<(), FederationError> {
        let mut all = Vec::new();
        for (id, receipts) in &receipts.receipts {
            let Some(room) = self.room_here(id)? else { continue };
            if !room.may_take_part(origin)? {
                continue;
            }
            for (user, receipt) in receipts.read.iter().take(MAX_RECEIPTS) {
                if user.server_name() != origin || !room.may_be_joined(user)? {
                    continue;
                }
                all.extend(receipt.event_ids.iter().map(|event| Receipt {
                    room: room.clone(),
                    user: user.clone(),
                    thread: receipt.data.thread.as_str().map(str::to_owned),
                    event: event.clone(),
                }));
            }
        }
        all.truncate(MAX_RECEIPTS);
        // Made before they are run: the compiler cannot tell that a closure in the stream is `Send`.
        let writes: Vec<_> = all.into_iter().map(Self::take_in_receipt).collect();
        let mut written = stream::iter(writes).buffer_unordered(RECEIPTS_AT_ONCE);
        while let Some(written) = written.next().await {
            written?;
        }
        Ok(())
    }

    async fn take_in_receipt(receipt: Receipt) -> Result<(), FederationError> {
        let Receipt { room, user, thread, event } = receipt;
        let Some(event) = room.event(&event)? else { return Ok(()) };
        match room.set_receipt(&user, "m.read", thread.as_deref(), &event).await {
            // Of an event that clients are not shown.
            Ok(()) | Err(RoomError::UnknownEvent) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_in_presence(
        &self,
        origin: &ServerName,
        presence: PresenceContent,
    ) -> Result<(), FederationError> {
        for PresenceUpdate { user_id, presence, status_msg, last_active_ago, currently_active, .. } in
            presence.push.into_iter().take(MAX_PRESENCES)
        {
            if user_id.server_name() == origin && self.is_around(&user_id)? {
                let told = PresenceNow {
                    presence,
                    last_active_ago_ms: last_active_ago.into(),
                    status_message: status_msg,
                    currently_active,
                };
                self.sync().set_remote_presence(&user_id, told);
            }
        }
        Ok(())
    }

    async fn take_in_message(
        &self,
        origin: &ServerName,
        message: DirectDeviceContent,
    ) -> Result<(), FederationError> {
        let DirectDeviceContent { sender, ev_type, message_id, mut messages, .. } = message;
        if sender.server_name() != origin || self.rooms().bans().bans_user(&sender) {
            return Ok(());
        }
        messages.retain(|user, _| self.is_own(user.server_name()));
        if !messages.is_empty() {
            let once = Some((<&DeviceId>::from(ANY_DEVICE), &*message_id));
            match self.users().to_device.send(&sender, &ev_type.to_string(), &messages, once).await {
                Ok(()) => {}
                Err(UsersError::Storage(error)) => return Err(UsersError::Storage(error).into()),
                // However often it came, it would be no better.
                Err(error) => tracing::debug!(%origin, %error, "a message to devices is not taken"),
            }
        }
        Ok(())
    }

    /// Whether a user of another server is in some room that is here: what is kept of others is bounded by it.
    pub(crate) fn is_around(&self, user: &OwnedUserId) -> Result<bool, FederationError> {
        let rooms = self.rooms().rooms_of(user)?;
        Ok(rooms.iter().any(|(_, row)| row.membership == Membership::Join))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_to_devices_may_be_larger() {
        let of_size = |edu_type: &str, bytes: usize| {
            let edu = json!({ "edu_type": edu_type, "content": { "text": "x".repeat(bytes) } });
            is_too_large(&Raw::from_json_string(edu.to_string()).unwrap())
        };
        assert!(!of_size("m.receipt", 60 << 10) && of_size("m.receipt", 64 << 10));
        assert!(!of_size("m.direct_to_device", 500 << 10) && of_size("m.direct_to_device", 512 << 10));
    }
}
