//! Push: what a user's push rules make of events (client-server API, "Push notifications").
//!
//! - `rules.rs` compiles the rules of users, once for all who have the same.
//! - `evaluated.rs` judges the newest events of rooms, once for all users whose rules are the same.
//! - `unread.rs` derives unread counts from that, receipts and the timeline.
//!
//! The rules themselves are pure, and in `hearth_spec::push`.

mod error;
mod evaluated;
mod rules;
mod unread;

pub use self::{
    error::PushError,
    evaluated::{EvaluatedRoom, EvaluatedRooms},
    unread::{Counts, PushUser, ReadRoom, UnreadCounts, UnreadRooms},
};
