//! A TURN server ([RFC 8656](https://www.rfc-editor.org/rfc/rfc8656)), which is a STUN server as well
//! ([RFC 8489](https://www.rfc-editor.org/rfc/rfc8489)): it relays media for clients that reach each other no other way.
//!
//! ```text
//! sockets (serve/)  ──►  Turn (turn.rs)  ──►  what to do: answer, send to a peer, send to a client
//!                          │ requests.rs     what is asked: allocate, refresh, permissions, channels
//!                          │ relaying.rs     data, both ways
//!                          └ allocations.rs  all that is held, within bounds
//! ```
//!
//! `Turn` does no I/O and asks no clock. Whoever may have a relay is given [`Credentials`] that end, made of a secret
//! that is shared with this server: nothing is written down for them.
//!
//! It is written on a codec of its own (`wire/`). `turn-server-proto` was looked at first: it keeps a nonce for whoever
//! sends a packet, looks through a list of all clients for each, has fixed users, no reserved ports and no say about
//! peers.

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod protocol_tests;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod testing;

mod allocation;
mod allocations;
mod buckets;
mod credentials;
mod nonce;
mod options;
mod peers;
mod probe;
mod public_address;
mod relaying;
mod requests;
mod serve;
mod turn;
pub mod wire;

pub use self::{
    credentials::Credentials,
    options::TurnOptions,
    probe::{Trouble, TurnUri},
    public_address::{AddressError, PublicAddress},
    serve::{Listeners, TurnServer},
};
