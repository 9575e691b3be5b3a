//! Sync: what changed for a user, told as soon as it did (client-server API, "Syncing").
//!
//! - [`SyncService`] answers requests; they wait without polling and are woken by what concerns them.
//! - `hub.rs` is the one reader of the log: it notes what changed in which room with those who are online, and
//!   wakes them. Writers know nothing of it.
//! - `response.rs` and the files beside it read what is to be told from the rooms and the store, never past the
//!   position that the hub has processed.
//! - `unread.rs` derives unread counts from receipts, push rules and the timeline.
//! - Typing and presence are only in memory.

mod announcement;
mod client_event;
mod device_lists;
mod ephemeral;
mod error;
mod filter;
mod hub;
mod joined_room;
mod json;
mod lazy_members;
mod left_room;
mod notices;
mod online;
mod presence;
mod recent;
mod response;
mod rules;
mod scope;
mod service;
mod state;
mod stripped_room;
mod timeline;
mod token;
mod typing;
mod unread;
mod watched;

#[cfg(test)]
mod tests;

pub use self::{
    announcement::Announcement,
    client_event::{ClientEvents, EventForm, Recipient},
    error::SyncError,
    filter::{EventFilter, LazyMembers},
    presence::PresenceNow,
    service::{StateAfter, SyncOptions, SyncRequest, SyncService},
    stripped_room::STRIPPED,
    token::{SyncToken, TimelineToken, TokenError},
    unread::{Counts, UnreadCounts},
};
