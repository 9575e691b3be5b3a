//! Storage: one log, many readers.
//!
//! - [`schema`] declares every keyspace: its name, key and value types and access pattern.
//! - [`Store`] commits: one atomic batch, appended to the commit log at the next positions, grouped with
//!   others into one sync, acknowledged when durable.
//! - [`Engine`]s hold ordered keys. [`RocksEngine`] keeps them on disk; [`MemoryEngine`] keeps them in memory
//!   and fails as told, from a seed.
//!
//! Nothing above this crate knows the engine, and nothing here knows a rule of Matrix.

mod batch;
mod blocking;
mod buffer;
mod caught;
mod engine;
mod environment;
mod error;
mod ids;
mod key;
mod keyspace;
mod log;
mod memory;
mod migration;
mod numbers;
pub mod readers;
mod remembered;
mod rocks;
pub mod schema;
mod store;
pub mod timers;
pub mod weight;

pub use self::{
    batch::{Batch, Op},
    blocking::blocking,
    buffer::Buffer,
    engine::{AnyEngine, Direction, Engine, RawRange, RawScan},
    environment::{Clock, ManualClock, Random, SeededRandom, SystemClock, SystemRandom, sleep_by},
    error::StorageError,
    ids::{EventNid, Position, RoomNid, StateId, StateKeyNid, TimelineOrder},
    key::{AsKey, AsPart, AsPrefix, Key, KeyPart, UsersFrom},
    keyspace::{Access, AnyKeyspace, Keyspace, Value},
    log::{Change, LogRow},
    memory::{Faults, Hold, MemoryEngine},
    numbers::Numbers,
    remembered::{Reading, Remembered},
    rocks::{RocksEngine, RocksOptions},
    store::{
        Behind, Commit, Durability, Follower, Lag, RowChange, Scan, Store, StoreOptions, Told, Transaction,
        View,
    },
};
