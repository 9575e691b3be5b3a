//! What a hostile server tries, by what it lies about.

pub mod answers;
pub mod bodies;
pub mod edus;
pub mod events;
pub mod floods;
pub mod graph;
pub mod invites;
pub mod joins;
pub mod slow;
pub mod transactions;
