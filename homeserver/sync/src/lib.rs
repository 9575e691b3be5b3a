//! Sync: what changed for a user, told as soon as it did (client-server API, "Syncing").
//!
//! - [`SyncService`] answers requests; they wait without polling and are woken by what concerns them.
//! - `hub.rs` is the one reader of the log: it notes what changed in which room with those who are online, and
//!   wakes them. Writers know nothing of it.
//! - `response.rs` and the files beside it read what is to be told from the rooms and the store, never past the
//!   position that the hub has processed.
//! - Unread counts come from `hearth_push`, which derives them from receipts, push rules and the timeline.
//! - Typing and presence are only in memory.

mod active_rooms;
mod activity;
mod announcement;
mod client_event;
mod device_lists;
mod error;
mod filter;
mod hub;
mod json;
mod lazy_members;
mod online;
mod presence;
mod profile_updates;
mod recent;
mod response;
mod room_update;
mod scope;
mod service;
mod sliding;
mod token;
mod typing;
mod watched;
mod weight;
mod write_room;

#[cfg(test)]
mod tests;

pub use self::{
    announcement::Announcement,
    client_event::{ClientEvents, EventForm, Recipient},
    error::SyncError,
    filter::{EventFilter, LazyMembers},
    presence::{BUSY, MAX_STATUS_BYTES, PresenceNow},
    room_update::STRIPPED,
    service::{StateAfter, SyncOptions, SyncRequest, SyncService},
    sliding::{SlidingBody, SlidingForm, SlidingPosition, SlidingRequest},
    token::{SyncToken, TimelineToken, TokenError},
};
