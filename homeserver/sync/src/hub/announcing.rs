//! Telling what users of this server do that is in no log.

use hearth_storage::RoomNid;
use ruma::UserId;
use tokio::sync::broadcast;

use super::Hub;
use crate::Announcement;

impl Hub {
    /// Tells of what users of this server do from now on.
    pub fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.announced.subscribe()
    }

    pub fn announce_typing(&self, room: RoomNid, user: &UserId, typing: bool) {
        if self.is_announced(user) {
            let user = user.to_owned();
            // Nobody may be listening.
            let _ = self.announced.send(Announcement::Typing { room, user, typing });
        }
    }

    pub fn announce_presence(&self, user: &UserId) {
        if self.is_announced(user)
            && let Some(now) = self.read(|ephemeral| ephemeral.presences.of(user, self.clock.now_ms()))
        {
            let _ = self.announced.send(Announcement::Presence { user: user.to_owned(), now });
        }
    }

    /// Other servers speak for their own users.
    fn is_announced(&self, user: &UserId) -> bool {
        user.server_name() == self.rooms.server_name() && self.announced.receiver_count() > 0
    }
}
