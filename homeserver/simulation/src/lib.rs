//! Whole servers, their clients and their network in one thread, on a simulated clock and disk: all that happens in
//! a run comes from its seed, and happens again with the same seed, byte for byte.
//!
//! - `chance.rs` gives all randomness, `clock.rs` the time of day; how long something takes is the runtime's time,
//!   which stands still while anything is to be done and then jumps to what is due next.
//! - `host.rs` is a machine: its disk loses what was not synced, and its server is the real one.
//! - `network.rs` carries connections between hosts, slowly and not always.
//! - `client.rs` asks a server as a client does; `view.rs` is what it knows by `/sync` alone.
//! - `workload.rs` is what users do, `trouble.rs` what goes wrong, `hostile.rs` a server that
//!   keeps to no rule, `check.rs` what must be true at the end.

mod chance;
mod check;
mod client;
mod clock;
mod host;
mod hostile;
mod network;
mod panics;
mod simulation;
mod trace;
mod trouble;
mod view;
mod workload;

pub use self::simulation::{Counts, Outcome, run};
