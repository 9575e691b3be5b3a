//! What users do that is in no log, told to whoever passes it on to other servers and application services.

use hearth_storage::RoomNid;
use ruma::OwnedUserId;

use crate::PresenceNow;

/// What a user does.
#[derive(Clone, PartialEq, Debug)]
pub enum Announcement {
    /// Types in a room, or has stopped. Said again from time to time of who goes on typing.
    Typing { room: RoomNid, user: OwnedUserId, typing: bool },
    /// Is there, or not. Said again from time to time of who stays there.
    Presence { user: OwnedUserId, now: PresenceNow },
}
