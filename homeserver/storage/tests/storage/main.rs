//! The store on both engines: what it promises holds on each, and on the one in memory also when it fails.

#![allow(clippy::disallowed_methods, reason = "the committer's thread is in real time")]

mod commits;
mod crashes;
mod failures;
mod followers;
mod keys;
mod readers;
mod reads;
mod timers;
mod written;

use std::{sync::Arc, time::Duration};

use hearth_storage::{
    AnyEngine, Change, EventNid, MemoryEngine, Position, RocksEngine, RocksOptions, RoomNid, Store,
    StoreOptions, Transaction,
};

/// An engine that outlives the stores opened on it, as a disk outlives a server.
pub struct Disk {
    engine: Kind,
}

enum Kind {
    Memory(MemoryEngine),
    Rocks(tempfile::TempDir),
}

impl Disk {
    pub fn memory() -> Self {
        Self { engine: Kind::Memory(MemoryEngine::new()) }
    }

    pub fn rocks() -> Self {
        Self { engine: Kind::Rocks(tempfile::tempdir().unwrap()) }
    }

    /// Starts a server; the one before must be gone.
    pub fn open(&self, options: StoreOptions) -> Store {
        let engine: AnyEngine = match &self.engine {
            Kind::Memory(engine) => engine.clone().into(),
            Kind::Rocks(folder) => {
                let options = RocksOptions { memory_bytes: 32 << 20, ..RocksOptions::default() };
                RocksEngine::open(folder.path(), &options).unwrap().into()
            }
        };
        Store::open(engine, options).unwrap()
    }

    pub fn start(&self) -> Store {
        self.open(StoreOptions::default())
    }
}

/// Runs a test that is given a [`Disk`] on both engines.
macro_rules! on_both_engines {
    ($($test:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::Disk::memory()).await;
            })*
        }
        mod on_rocksdb {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::Disk::rocks()).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// The change of an event with this number.
pub fn event(number: u64) -> Change {
    Change::Event { room: RoomNid(1), event: EventNid(number) }
}

/// Commits one event with this number.
pub async fn commit_event(store: &Store, number: u64) -> Position {
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(number));
    within(transaction.submit()).await.unwrap()
}

/// Commits what is written to the transaction.
pub async fn commit(store: &Store, write: impl FnOnce(&mut Transaction)) -> Position {
    let commit = {
        let mut transaction = store.begin().unwrap();
        write(&mut transaction);
        transaction.submit()
    };
    within(commit).await.unwrap()
}

/// Fails the test if this takes too long.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

/// A list that closures on other threads add to.
pub type Shared<T> = Arc<std::sync::Mutex<Vec<T>>>;
