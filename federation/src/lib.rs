//! Federation: what passes between this server and others (the server-server API).
//!
//! - Transport: [`Client`] finds a server (`discovery.rs`), connects to it within bounds (`hearth_network`), signs
//!   what it asks (`x_matrix.rs`) and leaves alone who does not answer ([`Destinations`]); [`KeyRing`] knows the
//!   keys of servers and verifies what they signed.
//! - `router.rs` and `server/` answer what other servers ask.
//! - `intake/` takes in what they send; `joining/` and `backfill.rs` ask them for rooms and for history.
//! - `remote/` asks them what users of this server want to know.
//! - `outbox/` sends them what happens here.
//!
//! Whatever comes from another server is hostile until it is checked: every body, wait and cache has a bound.

mod asked_by;
pub mod backfill;
pub mod client;
pub mod destinations;
pub mod discovery;
pub mod endpoint;
pub mod error;
mod federation;
#[cfg(any(test, fuzzing))]
pub mod inputs;
pub mod intake;
pub mod joining;
pub mod key_ring;
mod keyed_semaphore;
mod limits;
#[cfg(test)]
mod network_tests;
pub mod options;
pub mod outbox;
mod policy;
pub mod remote;
pub mod router;
pub mod server;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod two_servers;
mod under_way;
pub mod x_matrix;

pub use self::{
    asked_by::AskedBy,
    backfill::Backfilled,
    client::{BackOff, Client, Limits, Purpose},
    destinations::Destinations,
    error::FederationError,
    federation::{Federation, Parts},
    joining::FetchingMembers,
    key_ring::KeyRing,
    options::FederationOptions,
};
