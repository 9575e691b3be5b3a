//! Typing, presence and receipts: told only to servers that keep up, as nobody misses them later.

use std::{collections::VecDeque, sync::Arc};

use hearth_storage::RoomNid;
use hearth_sync::PresenceNow;
use ruma::{OwnedEventId, OwnedUserId};

/// So many wait for a destination; then the oldest is forgotten.
const WAITING: usize = 100;

/// What a user of this server does, of which other servers are told at once or never.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::outbox) enum Ephemeral {
    Typing { room: RoomNid, user: OwnedUserId, typing: bool },
    Presence { user: OwnedUserId, now: PresenceNow },
    Receipt(Receipt),
}

/// A public read receipt.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::outbox) struct Receipt {
    pub room: RoomNid,
    pub user: OwnedUserId,
    /// Empty for an unthreaded one.
    pub thread: String,
    pub event_id: OwnedEventId,
    /// Milliseconds.
    pub ts: u64,
}

impl Ephemeral {
    /// Whether it makes an older one pointless.
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Typing { room, user, .. }, Self::Typing { room: old_room, user: old_user, .. }) => {
                room == old_room && user == old_user
            }
            (Self::Presence { user, .. }, Self::Presence { user: old_user, .. }) => user == old_user,
            (Self::Receipt(new), Self::Receipt(old)) => {
                new.room == old.room && new.thread == old.thread && new.user == old.user
            }
            _ => false,
        }
    }
}

/// What waits for one destination. What goes to many is held once.
#[derive(Default)]
pub(super) struct EphemeralQueue(VecDeque<Arc<Ephemeral>>);

impl EphemeralQueue {
    pub fn push(&mut self, new: &Arc<Ephemeral>) {
        self.0.retain(|older| !new.replaces(older));
        if self.0.len() == WAITING {
            self.0.pop_front();
        }
        self.0.push_back(new.clone());
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0 = VecDeque::new();
    }

    pub fn take(&mut self, at_most: usize) -> Vec<Arc<Ephemeral>> {
        self.0.drain(..at_most.min(self.0.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(room: u64, typing: bool) -> Arc<Ephemeral> {
        let user = ruma::owned_user_id!("@alice:here");
        Arc::new(Ephemeral::Typing { room: RoomNid(room), user, typing })
    }

    #[test]
    fn the_newest_stands_for_those_before() {
        let mut queue = EphemeralQueue::default();
        queue.push(&typing(1, true));
        queue.push(&typing(2, true));
        queue.push(&typing(1, false));
        assert_eq!(queue.take(9), [typing(2, true), typing(1, false)]);
        for room in 0..150 {
            queue.push(&typing(room, true));
        }
        assert_eq!(queue.take(999).first(), Some(&typing(50, true)));
    }
}
