//! Writing to rooms: what users of this server send, what others send, and what is made of it.

pub(crate) mod aliases;
pub(crate) mod arrival;
pub(crate) mod commit;
pub(crate) mod create;
pub(crate) mod delayed;
pub(crate) mod extremities;
pub(crate) mod history;
pub(crate) mod members;
pub(crate) mod membership;
pub(crate) mod order;
pub(crate) mod out_of_room;
pub(crate) mod outliers;
pub(crate) mod proposal;
pub(crate) mod purge;
pub(crate) mod receipts;
pub(crate) mod receive;
pub(crate) mod refusals;
pub(crate) mod relations;
pub(crate) mod resolution;
pub(crate) mod servers;
pub(crate) mod staged;
pub(crate) mod sweep;
pub(crate) mod timers;
pub(crate) mod transactions;
pub(crate) mod upgrade;
pub(crate) mod writer;
