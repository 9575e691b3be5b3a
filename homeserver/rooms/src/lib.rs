//! The room engine: event graphs, their state, and who may read and write them.
//!
//! - [`Rooms`] finds and makes rooms; a [`Room`] is read and written through its handle.
//! - A write goes through one writer per room (`writer.rs`, `receive.rs`) into one atomic commit (`commit.rs`).
//! - State is a persistent tree ([`state_tree`]), so that a message costs nothing and a state event
//!   O(log n); questions about auth chains go to the [`reachability`] index.
//!
//! It knows nothing of HTTP, of federation's transport and of sync.

mod aggregations;
mod aliases;
mod arrival;
mod check;
mod commit;
mod create;
mod error;
mod event;
mod graph;
mod history;
mod members;
mod membership;
mod order;
mod out_of_room;
mod outliers;
mod proposal;
pub mod reachability;
mod reading;
mod receipts;
mod receive;
mod redactions;
mod refusals;
mod relations;
mod resolution;
mod room;
mod rooms;
mod servers;
mod shared;
mod staged;
mod state_keys;
pub mod state_tree;
mod summary;
mod timeline;
mod upgrade;
mod visibility;
mod writer;

pub use self::{
    aggregations::{Aggregations, ThreadSummary},
    arrival::Arrival,
    check::{Finding, Report, check},
    create::{CreateRoom, Preset},
    error::RoomError,
    event::Event,
    out_of_room::OutOfRoom,
    receive::Received,
    relations::RelationFilter,
    room::{Head, Room},
    rooms::{Rooms, RoomsOptions},
    summary::RoomSummary,
    timeline::TimelineRange,
    upgrade::Upgrade,
    visibility::Viewer,
    writer::{ClientTransaction, NewEvent},
};
