//! Indexes that know nothing of rooms: sets of state, the auth graph, interned state keys.

pub mod reachability;
pub(crate) mod resolutions;
pub(crate) mod state_keys;
pub mod state_tree;
