//! Rows of push notifications.

use ruma::OwnedEventId;
use serde::{Deserialize, Serialize};

use crate::{EventNid, Position, RoomNid, keyspace::row};

/// An event that notified a user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NotificationRow {
    pub room: RoomNid,
    pub event: EventNid,
    /// The root of the thread that it is in.
    pub thread: Option<OwnedEventId>,
    pub highlight: bool,
    /// What the user's push rule says to do, as a JSON array.
    pub actions: String,
    /// When it was noted, in milliseconds.
    pub noted_at: u64,
}

/// What a pusher was told last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PushedRow {
    /// It was told all notifications up to here, or will never be.
    pub through: Position,
    /// In how many rooms something was unread.
    pub unread_rooms: u64,
}

row!(NotificationRow, PushedRow);
