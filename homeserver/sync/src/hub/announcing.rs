//! Telling what users of this server do that is in no log.

use hearth_storage::RoomNid;
use ruma::UserId;
use tokio::sync::broadcast;

use super::Hub;
use crate::Announcement;

impl Hub {
    /// Tells of what users do from now on, those of other servers among them.
    pub fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.announced.subscribe()
    }

    pub fn announce_typing(&self, room: RoomNid, user: &UserId, typing: bool) {
        if self.is_heard() {
            let user = user.to_owned();
            // Nobody may be listening.
            let _ = self.announced.send(Announcement::Typing { room, user, typing });
        }
    }

    pub fn announce_presence(&self, user: &UserId) {
        if self.is_heard()
            && let Some(now) = self.read(|ephemeral| ephemeral.presences.of(user, self.clock.now_ms()))
        {
            let _ = self.announced.send(Announcement::Presence { user: user.to_owned(), now });
        }
    }

    fn is_heard(&self) -> bool {
        self.announced.receiver_count() > 0
    }
}
