//! Receipts and typing in a room.

use hearth_rooms::Room;
use hearth_storage::{
    Position,
    schema::rooms::{ReceiptKeyRow, ReceiptRow},
};
use ruma::{OwnedUserId, UserId};

use crate::{SyncError, scope::Scope};

const PRIVATE: &str = "m.read.private";

/// The receipts of a room that are to be told.
#[derive(Default)]
pub(crate) struct Receipts {
    /// Those that the user may see and wants to.
    pub shown: Vec<(ReceiptKeyRow, ReceiptRow)>,
    /// One of them is the user's own, told or not: the user's counts change.
    pub own: bool,
}

impl Receipts {
    /// Those that changed after what was told, or all.
    pub fn read(scope: &Scope<'_>, room: &Room, told: Option<Position>) -> Result<Self, SyncError> {
        let mut receipts = match told {
            None => room.receipts()?,
            Some(told) if scope.hub.has_receipts_after(room.nid(), told) => {
                room.receipts_since(told, scope.upto.log)?
            }
            Some(_) => return Ok(Self::default()),
        };
        let own = receipts.iter().any(|(key, _)| key.user == scope.user);
        let filter = scope.wanted.ephemeral;
        if filter.takes_room(room.id()) && filter.takes_type("m.receipt") {
            receipts.retain(|(key, _)| {
                (key.receipt_type != PRIVATE || key.user == scope.user)
                    && !scope.ignored.contains(&key.user)
                    && filter.takes_sender(&key.user)
            });
        } else {
            receipts.clear();
        }
        Ok(Self { shown: receipts, own })
    }

    pub fn is_empty(&self) -> bool {
        self.shown.is_empty() && !self.own
    }
}

/// Who types in a room, where that changed since what was told; a client that knows nothing of the room is not told
/// that nobody does.
pub(crate) fn typing(scope: &Scope<'_>, room: &Room, is_new: bool) -> Option<Vec<OwnedUserId>> {
    let filter = scope.wanted.ephemeral;
    if !filter.takes_room(room.id()) || !filter.takes_type("m.typing") {
        return None;
    }
    let since = scope.since.filter(|_| !is_new).map(|since| since.upto().ephemeral);
    scope.hub.read(|ephemeral| {
        let (version, users) = ephemeral.typing.in_room(room.nid())?;
        let users = users.filter(|user| !scope.ignored.contains(*user)).map(UserId::to_owned);
        let users: Vec<OwnedUserId> = users.collect();
        let told = since.map_or(users.is_empty(), |since| version <= since);
        (!told).then_some(users)
    })
}
