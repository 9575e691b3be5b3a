//! The store: an engine with one writer, its commit log, and the readers that follow it.
//!
//! Writing goes through three places. A [`Transaction`] collects; when it is submitted, it is given its positions
//! and put into the *queue* in their order. The *committer*, one thread, takes all that waits in the queue,
//! writes it as one with one sync, and then publishes and acknowledges it. (A simulation runs it as a task.)
//!
//! Readers see what is durable ([`Store::view`]). Writers see what is queued in front of it ([`Store::written`],
//! and each its own transaction): they decide on what will be there, and go on while the disk syncs.

mod committer;
mod cursors;
mod draft;
mod follower;
mod log_size;
mod observers;
mod queue;
mod queued;
mod recent;
mod scan;
mod transaction;
mod view;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{runtime, sync::watch};

use self::{
    cursors::Cursors, draft::Draft, log_size::LogSize, observers::Observers, queue::Queue, queued::Queued,
    recent::Recent,
};
pub use self::{
    follower::{Behind, Follower, Told},
    log_size::Lag,
    observers::RowChange,
    scan::Scan,
    transaction::{Commit, Transaction},
    view::View,
};
use crate::{
    AnyEngine, AnyKeyspace, Engine as _, Key, Keyspace, Position, StorageError, Value, migration, schema,
};

/// When a commit is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// When it is synced to disk: nothing acknowledged is ever lost.
    #[default]
    Sync,
    /// When it is written: a loss of power may take the last second, in the order of positions. The end of
    /// the process alone takes nothing.
    Async,
}

/// How a store works.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// When a commit is acknowledged.
    pub durability: Durability,
    /// How many bytes may wait to be written, before [`Store::begin`] answers [`StorageError::Busy`].
    pub queue_bytes: usize,
    /// How many of the latest changes are kept in memory for readers that are up to date.
    pub recent_changes: usize,
    /// How many bytes of changes the log has at most, and those of up to `trim_step` changes more: a reader that is
    /// behind by more is told that it is [`Behind`].
    pub log_bytes: u64,
    /// How many of the latest changes stay in the log even if every durable reader has them; at least one
    /// does, as positions continue from it.
    pub log_keeps: u64,
    /// How many changes gather before they are trimmed at once.
    pub trim_step: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            queue_bytes: 64 << 20,
            recent_changes: 8192,
            log_bytes: 256 << 20,
            log_keeps: 100_000,
            trim_step: 10_000,
        }
    }
}

/// What the store, its committer and its readers share.
struct Shared {
    engine: AnyEngine,
    options: StoreOptions,
    /// The order lock: the last position that was given to a transaction. It is held for as long as it takes to
    /// put a commit in its place, and nothing is read or encoded under it.
    order: Mutex<Position>,
    /// The number of the last commit that was submitted; changed under the order lock.
    submitted: AtomicU64,
    queue: Queue,
    /// The rows of what is in the queue, by key.
    queued: Arc<Queued>,
    observers: Observers,
    /// All up to here is durable and readable.
    published: watch::Sender<Position>,
    /// Why nothing can be written at the moment, while that is so.
    failing: watch::Sender<Option<String>>,
    /// The number of the last commit that is durable.
    durable: watch::Sender<u64>,
    /// Why nothing more is written, once that is so.
    stopped: watch::Sender<Option<String>>,
    recent: Mutex<Recent>,
    cursors: Mutex<Cursors>,
    log_size: Mutex<LogSize>,
}

impl Shared {
    /// A store as it was left.
    fn new(engine: AnyEngine, options: StoreOptions) -> Result<Arc<Self>, StorageError> {
        let view = View::latest(engine.clone());
        let newest = view.scan(&schema::LOG, Scan::all().reversed()).next().transpose()?;
        let last = newest.map_or(Position(0), |((position,), _)| position);
        let (cursors, log_size) = (Cursors::read(&view)?, LogSize::read(&view)?);

        metrics::gauge!("hearth_storage_stopped").set(0.0);
        metrics::gauge!("hearth_storage_failing").set(0.0);
        Ok(Arc::new(Self {
            engine,
            order: Mutex::new(last),
            submitted: AtomicU64::new(0),
            queue: Queue::default(),
            queued: Arc::new(Queued::new()),
            observers: Observers::new(),
            published: watch::Sender::new(last),
            failing: watch::Sender::new(None),
            durable: watch::Sender::new(0),
            stopped: watch::Sender::new(None),
            recent: Mutex::new(Recent::new(options.recent_changes)),
            cursors: Mutex::new(cursors),
            log_size: Mutex::new(log_size),
            options,
        }))
    }

    fn published(&self) -> Position {
        *self.published.borrow()
    }
}

/// A database. Cheap to clone: all clones are one store, closed with the last of them.
#[derive(Clone)]
pub struct Store {
    open: Arc<Open>,
}

struct Open {
    shared: Arc<Shared>,
    committer: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Store {
    /// Opens the store on an engine: upgrades an older folder, and starts the committer.
    ///
    /// # Errors
    /// [`StorageError::TooNew`] if a newer server wrote the folder.
    pub fn open(engine: impl Into<AnyEngine>, options: StoreOptions) -> Result<Self, StorageError> {
        let shared = Self::upgrade(engine.into(), options)?;
        let unable = |error| StorageError::Engine(format!("no thread for the committer: {error}"));
        let runtime = runtime::Builder::new_current_thread().enable_time().build().map_err(unable)?;
        let run = committer::run(shared.clone(), || Duration::ZERO);
        let committer = thread::Builder::new().name("committer".to_owned());
        let committer = committer.spawn(move || runtime.block_on(run)).map_err(unable)?;
        Ok(Self { open: Arc::new(Open { shared, committer: Mutex::new(Some(committer)) }) })
    }

    /// Opens the store with its committer as a task of this runtime, so that a simulation drives it too. Each
    /// write takes as long as `disk` says.
    pub fn open_simulated(
        engine: impl Into<AnyEngine>,
        options: StoreOptions,
        disk: impl FnMut() -> Duration + Send + 'static,
    ) -> Result<Self, StorageError> {
        let shared = Self::upgrade(engine.into(), options)?;
        tokio::spawn(committer::run(shared.clone(), disk));
        Ok(Self { open: Arc::new(Open { shared, committer: Mutex::new(None) }) })
    }

    fn upgrade(engine: AnyEngine, options: StoreOptions) -> Result<Arc<Shared>, StorageError> {
        migration::run(&engine, migration::MIGRATIONS)?;
        Shared::new(engine, options)
    }

    /// Opens the store on an engine that is only read: nothing is upgraded, and every transaction is refused.
    ///
    /// # Errors
    /// [`StorageError::TooNew`] and the like if the folder is not of this server's schema version.
    pub fn open_read_only(engine: impl Into<AnyEngine>) -> Result<Self, StorageError> {
        let engine = engine.into();
        migration::check(&View::latest(engine.clone()))?;
        let shared = Shared::new(engine, StoreOptions::default())?;
        shared.stopped.send_replace(Some("it was opened to be read".to_owned()));
        shared.queue.close();
        Ok(Self { open: Arc::new(Open { shared, committer: Mutex::new(None) }) })
    }

    /// Reads the latest state that is durable, each read for itself. Cheap.
    pub fn view(&self) -> View {
        View::latest(self.open.shared.engine.clone())
    }

    /// Reads what writers see: all that was submitted, each read for itself. Who answers others by it waits until
    /// it is [settled](Self::settled).
    pub fn written(&self) -> View {
        let shared = &self.open.shared;
        View::written(shared.engine.clone(), shared.queued.clone(), Draft::default())
    }

    /// Waits until all that was submitted before this call is durable.
    ///
    /// # Errors
    /// [`StorageError::Stopped`] if the store stopped before.
    pub async fn settled(&self) -> Result<(), StorageError> {
        let shared = &self.open.shared;
        let (mut durable, mut stopped) = (shared.durable.subscribe(), shared.stopped.subscribe());
        let submitted = self.submitted();
        tokio::select! {
            biased;
            _ = durable.wait_for(|commit| *commit >= submitted) => Ok(()),
            reason = stopped.wait_for(Option::is_some) => {
                let reason = reason.ok().and_then(|reason| reason.clone());
                Err(StorageError::Stopped(reason.unwrap_or_default()))
            }
        }
    }

    /// The number of the last commit that was submitted: writers see it.
    pub fn submitted(&self) -> u64 {
        self.open.shared.submitted.load(Ordering::SeqCst)
    }

    /// The number of the last commit that is durable: readers see it.
    pub fn durable(&self) -> u64 {
        *self.open.shared.durable.borrow()
    }

    /// Tells of each row of a keyspace that a commit changes, once it is durable and before it is
    /// [published](Self::published): on the committer's thread, so `tell` must be short.
    pub fn observe<K: Key, V: Value>(
        &self,
        keyspace: &Keyspace<K, V>,
        tell: impl Fn(&RowChange<'_, K, V>) -> Result<(), StorageError> + Send + Sync + 'static,
    ) {
        self.open.shared.observers.add(keyspace, tell);
    }

    /// A consistent snapshot: all reads see the same state. The engine keeps what it shows for as long as it
    /// lives: hold it for a request, not for a session.
    pub fn snapshot(&self) -> View {
        View::snapshot(self.open.shared.engine.clone())
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`StorageError::Busy`] if too much waits to be written, [`StorageError::Failing`] if writing fails at the
    /// moment, [`StorageError::Stopped`] if it failed for good or the store is closed.
    pub fn begin(&self) -> Result<Transaction, StorageError> {
        Transaction::begin(&self.open.shared)
    }

    /// All up to here is durable and readable.
    pub fn published(&self) -> Position {
        self.open.shared.published()
    }

    /// Tells of every change of [`published`](Self::published).
    pub fn subscribe(&self) -> watch::Receiver<Position> {
        self.open.shared.published.subscribe()
    }

    /// Follows the log from behind this position, without a cursor.
    pub fn follow(&self, after: Position) -> Follower {
        Follower::new(self.open.shared.clone(), None, after)
    }

    /// Follows the log from this reader's cursor. A new reader begins with what is committed after this call;
    /// from here on the log is kept for it until it has [saved](Follower::save) that it has read it.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), for a new reader.
    pub fn follow_durably(&self, name: &str) -> Result<Follower, StorageError> {
        let shared = &self.open.shared;
        let known = shared.cursors.lock().get(name);
        let after = match known {
            Some(position) => position,
            None => {
                // Its cursor is written before any change that it will be told of, so that a crash cannot
                // make it new again.
                let mut transaction = self.begin()?;
                transaction.put(&schema::CURSORS, (name,), &Position::provisional(0));
                let mut cursors = shared.cursors.lock();
                let position = transaction.submit().before();
                cursors.register(name, position);
                position
            }
        };
        Ok(Follower::new(shared.clone(), Some(name.to_owned()), after))
    }

    /// Forgets a durable reader, which must not be following any more: the log is not kept for it, and if it comes
    /// again it is new. Written with the next commit, within a second, or when the store is closed.
    pub fn forget_reader(&self, name: &str) {
        self.open.shared.cursors.lock().remove(name);
    }

    /// What lies between a position and the end of the log.
    pub fn lag(&self, position: Position) -> Lag {
        self.open.shared.log_size.lock().lag(position)
    }

    /// Why nothing more is written, once a write has failed or the store is closed.
    pub fn is_stopped(&self) -> Option<String> {
        self.open.shared.stopped.borrow().clone()
    }

    /// Why nothing can be written at the moment, while that is so.
    pub fn is_failing(&self) -> Option<String> {
        self.open.shared.failing.borrow().clone()
    }

    /// Gives room on the disk back that rows took which were deleted or written anew. It takes long where there is much:
    /// it belongs in a thread of its own.
    pub fn compact(&self, keyspaces: &[AnyKeyspace]) {
        for keyspace in keyspaces {
            self.open.shared.engine.compact(*keyspace);
        }
    }

    /// Writes all that waits and the cursors, and ends the committer. Reading goes on.
    pub fn close(&self) {
        self.open.close();
    }
}

impl Open {
    fn close(&self) {
        self.shared.queue.close();
        let Some(committer) = self.committer.lock().take() else { return };
        // The last clone may go with a closure that the committer itself runs.
        if committer.thread().id() != thread::current().id() {
            // A panic there has already stopped the store, and said why.
            let _ = committer.join();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close();
    }
}
