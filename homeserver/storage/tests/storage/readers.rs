//! Running readers: what fails is begun anew, holds up nobody, and makes the log no longer than it may be.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use hearth_storage::{
    Behind, Change, Lag, MemoryEngine, Position, Scan, Store, StoreOptions, Transaction,
    readers::{Health, Progress, ReadFrom, Reader, ReaderError, ReaderTask, Unreached},
    schema,
};
use parking_lot::Mutex;

use crate::{event, within};

/// An index, and what was done for it.
#[derive(Default)]
struct Index {
    rows: Mutex<BTreeMap<String, String>>,
    told: Mutex<Vec<u64>>,
    gaps: Mutex<Vec<Behind>>,
    opened: Mutex<Vec<u64>>,
    panics: AtomicBool,
    fails: AtomicBool,
}

/// Copies what is written beside the changes.
struct Indexer {
    index: Arc<Index>,
    store: Store,
}

impl Indexer {
    fn read(&self) {
        let view = self.store.view();
        let rows = view.scan(&schema::META, Scan::all()).map(|row| {
            let ((key,), value) = row.unwrap();
            (key, value)
        });
        *self.index.rows.lock() = rows.collect();
    }
}

impl Reader for Indexer {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        assert!(!self.index.panics.load(SeqCst), "it panics for ever");
        if self.index.fails.load(SeqCst) {
            return Err("it fails".into());
        }
        self.index.told.lock().extend(changes.iter().map(|(position, _)| position.0));
        self.read();
        Ok(changes.last().unwrap().0)
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        assert!(!self.index.panics.load(SeqCst), "it panics for ever");
        self.index.gaps.lock().push(gap);
        self.read();
        Ok(gap.to)
    }
}

impl Index {
    fn start(self: &Arc<Self>, store: &Store, from: ReadFrom) -> (ReaderTask, Progress) {
        let (index, own, progress) = (self.clone(), store.clone(), Progress::default());
        let open = move |after: Position| {
            index.opened.lock().push(after.0);
            Ok(Indexer { index: index.clone(), store: own.clone() })
        };
        (store.start_reader("index", from, progress.clone(), open), progress)
    }
}

fn write(transaction: &mut Transaction, number: u64) {
    transaction.put(&schema::META, (format!("key {}", number % 10),), &number.to_string());
    transaction.append(&event(number));
}

async fn commit(store: &Store, number: u64) -> Position {
    crate::commit(store, |transaction| write(transaction, number)).await
}

/// A log of hardly more than a thousand bytes, and little in memory.
fn short() -> StoreOptions {
    StoreOptions {
        recent_changes: 4,
        log_bytes: 1000,
        log_keeps: 5,
        trim_step: 10,
        ..StoreOptions::default()
    }
}

fn open(options: StoreOptions) -> Store {
    Store::open(MemoryEngine::new(), options).unwrap()
}

/// Waits until something is so.
async fn until(what: &str, done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect(what);
}

#[tokio::test]
async fn a_reader_goes_on_from_its_cursor() {
    let store = open(StoreOptions::default());
    let index = Arc::new(Index::default());
    let (reading, progress) = index.start(&store, ReadFrom::Cursor);
    let position = commit(&store, 1).await;
    within(progress.reached(position)).await.unwrap();
    reading.stop().await;
    assert_eq!(progress.health(), Health::Ended);
    let position = commit(&store, 2).await;
    assert_eq!(within(progress.reached(position)).await, Err(Unreached::Ended));

    let (_reading, progress) = index.start(&store, ReadFrom::Cursor);
    within(progress.reached(position)).await.unwrap();
    assert_eq!(*index.told.lock(), [1, 2]);
    assert_eq!(*index.opened.lock(), [0, 1]);
    store.close();
    within(progress.reached(Position::MAX)).await.unwrap_err();
}

#[tokio::test]
async fn a_reader_that_fails_begins_anew_where_it_was_done() {
    let store = open(StoreOptions::default());
    let index = Arc::new(Index::default());
    let (_reading, progress) = index.start(&store, ReadFrom::Cursor);
    let first = commit(&store, 1).await;
    within(progress.reached(first)).await.unwrap();
    for broken in [&index.fails, &index.panics] {
        broken.store(true, SeqCst);
        let position = commit(&store, 2).await;
        // Whoever waits is told so.
        assert_eq!(within(progress.reached(position)).await, Err(Unreached::Failing));
        broken.store(false, SeqCst);
        until("it goes on", || progress.done() == position).await;
        assert_eq!(progress.health(), Health::Running);
    }
    assert_eq!(*index.told.lock(), [1, 2, 3]);
    assert!(index.gaps.lock().is_empty());
}

#[tokio::test]
async fn a_reader_without_a_cursor_catches_up_after_a_failure() {
    let store = open(StoreOptions::default());
    let index = Arc::new(Index::default());
    let (_reading, progress) = index.start(&store, ReadFrom::Position(Position::NONE));
    index.fails.store(true, SeqCst);
    let position = commit(&store, 1).await;
    until("it catches up", || progress.done() == position).await;
    assert_eq!(index.gaps.lock()[0], Behind { from: Position::NONE, to: position });
    index.fails.store(false, SeqCst);
    let position = commit(&store, 2).await;
    until("it goes on", || index.told.lock().last() == Some(&position.0)).await;
}

/// As many changes as ten a second bring in an hour.
#[tokio::test]
async fn a_reader_that_panics_for_ever_costs_nothing_and_catches_up_when_mended() {
    let store = open(short());
    let index = Arc::new(Index::default());
    index.panics.store(true, SeqCst);
    let (_reading, progress) = index.start(&store, ReadFrom::Cursor);
    let mut number = 0;
    while number < 36_000 {
        let position = crate::commit(&store, |transaction| {
            for _ in 0..10 {
                number += 1;
                write(transaction, number);
            }
        })
        .await;
        // Nobody waits for it.
        assert_eq!(within(progress.reached(position)).await, Err(Unreached::Failing));
        let oldest = Position(crate::commits::log(&store)[0]);
        let bytes = store.lag(oldest.before()).bytes;
        assert!(bytes <= 1000, "the log has {bytes} bytes");
    }
    until("it is begun anew", || index.opened.lock().len() > 1).await;
    assert_eq!(progress.done(), Position::NONE);

    index.panics.store(false, SeqCst);
    let end = store.published();
    until("it catches up", || progress.done() == end).await;
    assert_eq!(*index.gaps.lock(), [Behind { from: Position::NONE, to: end }]);
    let position = commit(&store, number + 1).await;
    until("it follows", || progress.done() == position).await;
    assert_eq!(*index.told.lock(), [position.0]);
    assert_eq!(index.rows.lock()[&format!("key {}", (number + 1) % 10)], (number + 1).to_string());
    assert_eq!(store.lag(progress.done()), Lag::default());
}
