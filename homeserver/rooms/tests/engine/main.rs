//! The room engine, run in memory.

mod crashes;
mod forks;
mod rooms;
mod world;
