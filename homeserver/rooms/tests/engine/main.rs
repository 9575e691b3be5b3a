//! The room engine, run in memory.

mod bans;
mod crashes;
mod delayed;
mod forks;
mod hostile;
mod partial;
mod policy;
mod purge;
mod remote;
mod retention;
mod rooms;
mod sticky;
mod told;
mod window;
mod world;
