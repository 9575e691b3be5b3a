//! The room engine: event graphs, their state, and who may read and write them.
//!
//! - [`Rooms`] finds and makes rooms; a [`Room`] is read and written through its handle.
//! - A write goes through one writer per room (`writer.rs`, `receive.rs`) into one atomic commit (`commit.rs`).
//! - State is a persistent tree ([`state_tree`]), so that a message costs nothing and a state event
//!   O(log n); questions about auth chains go to the [`reachability`] index.
//!
//! It knows nothing of HTTP, of federation's transport and of sync.

mod check;
mod error;
mod index;
mod read;
mod write;

pub use self::{
    check::{Finding, Report, check},
    error::RoomError,
    index::{reachability, state_tree},
    read::{
        aggregations::{Aggregations, ThreadSummary},
        bans::{Ban, Bans},
        event::Event,
        members::Members,
        policy::PolicyServers,
        relations::{Relation, RelationFilter},
        reports::Report as ContentReport,
        retention::Retention,
        room::{Head, Room},
        rooms::{Rooms, RoomsOptions},
        sticky::StickyEvent,
        summary::RoomSummary,
        timeline::TimelineRange,
        visibility::Viewer,
    },
    write::{
        arrival::Arrival,
        create::{CreateRoom, Preset},
        delayed::{DelayedEvent, MAX_DELAY_MS, MAX_DELAYED_EVENTS},
        out_of_room::OutOfRoom,
        partial::WithoutMembers,
        receive::Received,
        transactions::ClientTransaction,
        upgrade::Upgrade,
        whole::ToldStates,
        writer::NewEvent,
    },
};
