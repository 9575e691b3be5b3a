//! Push: what a user's push rules make of events, and who is told of it (client-server API, "Push notifications"; push
//! gateway API).
//!
//! - `rules.rs` compiles the rules of users, once for all who have the same.
//! - `evaluated.rs` judges the newest events of rooms, once for all users whose rules are the same.
//! - `unread.rs` derives unread counts from that, receipts and the timeline.
//! - `pushes/` follows the log: it notes what notifies users who have pushers, and tells their pushers.
//!
//! The rules themselves are pure, and in `hearth_spec::push`.

mod error;
mod evaluated;
mod facts;
pub mod mail;
mod marks;
mod pushes;
mod rules;
mod unread;
mod user;

pub use self::{
    error::PushError,
    evaluated::{EvaluatedRoom, EvaluatedRooms},
    marks::ReadMarks,
    pushes::{BadKeys, Notification, Notifications, Parts, Pushes, Subscription, Vapid, WEB_PUSH},
    unread::{Counts, ReadRoom, UnreadCounts, UnreadRooms},
    user::PushUser,
};
