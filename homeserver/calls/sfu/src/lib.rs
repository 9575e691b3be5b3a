//! Calls: an SFU (a server that passes media on) which speaks LiveKit's client protocol.
//!
//! [`Sfu`](sfu::Sfu) is all of it without I/O; [`Calls`] runs one on a thread with a socket, and [`router`] lets clients
//! reach it. Who may come in says a [`Token`]; nothing here knows Matrix.
//!
//! - [`room`] has the rules: who is there, who publishes and receives what. Pure.
//! - [`sections`], [`sdp`] and [`forward`] decide how media goes. Pure.
//! - [`connection`] alone knows the WebRTC library, and `cryptography` what that needs.

pub mod connection;
mod cryptography;
mod demultiplex;
mod endpoint;
pub mod forward;
mod ids;
mod limits;
pub mod messages;
mod outside;
pub mod room;
pub mod sdp;
pub mod sections;
pub mod sfu;
mod token;
mod worker;

pub use self::{
    endpoint::router,
    limits::Limits,
    outside::Outside,
    sfu::SfuOptions,
    token::{Grants, Token, TokenError, TokenKey},
    worker::{Calls, address_of_machine},
};
