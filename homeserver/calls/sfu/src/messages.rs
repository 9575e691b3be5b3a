//! What LiveKit's clients and servers say to each other, as far as calls need it: protocol buffers of the package
//! `livekit`, with the numbers that `livekit_rtc.proto` and `livekit_models.proto` give the fields.
//!
//! Fields that are not here are skipped when a message is read. What is passed on is passed on as it came.

mod models;
mod request;
mod response;
mod wire;

pub use self::{
    models::*,
    request::*,
    response::*,
    wire::{Malformed, Message},
};
