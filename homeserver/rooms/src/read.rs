//! Finding rooms and reading them. Nothing here writes an event.

pub(crate) mod aggregations;
pub(crate) mod aliases;
pub(crate) mod blocked;
pub(crate) mod event;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod members;
pub(crate) mod partial;
pub(crate) mod policy;
pub(crate) mod reading;
pub(crate) mod receipts;
pub(crate) mod redactions;
pub(crate) mod rejections;
pub(crate) mod relations;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod room;
pub(crate) mod rooms;
pub(crate) mod servers;
pub(crate) mod shared;
pub(crate) mod sticky;
pub(crate) mod summary;
pub(crate) mod timeline;
pub(crate) mod transaction_days;
pub(crate) mod visibility;
pub(crate) mod works;
