//! Hearth, a Matrix homeserver: putting the parts together and serving them.
//!
//! A [`Server`] is a value made from a configuration, a store, a clock and a source of randomness: a process
//! can hold several. `main.rs` makes one and serves it on the network.

pub mod add_user;
pub mod admin;
pub mod ask;
pub mod calls;
pub mod calls_test;
pub mod check;
pub mod cli;
pub mod config;
pub mod connections;
mod console;
pub mod data_folder;
pub mod descriptors;
pub mod listen;
pub mod metrics;
mod notify;
pub mod observing;
mod sampling;
pub mod server;
pub mod smtp;
pub mod turn;

pub use self::server::{Server, ServerError};
