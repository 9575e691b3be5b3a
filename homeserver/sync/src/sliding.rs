//! Simplified sliding sync (MSC4186): the rooms that a client looks at, and what changed there since it was told of each.
//!
//! A *connection* is a row of requests of a device, each of which comes back with the `pos` of the answer before. What was
//! told of a room follows from two things: a room that was *in view* (in a window of a list, or subscribed to) at the last
//! answer was told up to what `pos` says; of one that went out of view it is noted up to where. So an event in a room that
//! stays in view writes nothing, and what is noted is small: which rooms are in view, and where others were left.
//!
//! - `request.rs` reads both forms of the request into one; `required_state.rs` and `filters.rs` are its rules.
//! - `lists.rs` keeps a user's rooms by activity, for each filter.
//! - `connection.rs` is what a client was told; `connections.rs` reads and writes it.
//! - `view.rs` finds the rooms in view of which there may be something to tell, `room.rs` reads one, `write.rs` writes it.
//! - `respond.rs` makes an answer of it all, `extensions/` what is asked for besides rooms.

mod bump;
mod config;
mod connection;
mod connections;
mod extensions;
mod filters;
mod lists;
mod position;
mod request;
mod required_state;
mod respond;
mod room;
mod view;
mod write;

pub(crate) use self::{
    connections::Connections,
    extensions::told_to_device,
    lists::Lists,
    respond::{Answer, respond},
};
pub use self::{
    position::SlidingPosition,
    request::{SlidingBody, SlidingForm, SlidingRequest},
};
