//! What other servers send (server-server API, "Transactions").
//!
//! A transaction's PDUs go to their rooms, the rooms side by side, the events of one in order; what an event
//! follows and is not here is fetched, within the bounds of an [`Effort`](effort::Effort). A transaction is
//! answered when all of it was decided on and is durable: what was acknowledged is never lost. One that cannot
//! be decided on now fails as a whole, and its server sends it again.

mod edus;
mod effort;
mod fetch;
mod gap;
pub(crate) mod order;
mod outside;
mod room;
mod state;
mod transaction;

pub(crate) use self::{fetch::parse_events, room::RoomIntake, transaction::Transactions};

#[cfg(test)]
mod tests;
