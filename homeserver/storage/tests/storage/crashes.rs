//! Ten thousand losses of power, each from its seed: nothing acknowledged is lost, and nothing is half there.

use std::{
    collections::BTreeMap,
    sync::{Mutex, atomic::AtomicU64, atomic::Ordering},
    thread,
    time::Duration,
};

use hearth_storage::{
    Durability, Faults, MemoryEngine, Position, Scan, StorageError, Store, StoreOptions,
    schema::{self, users::DeviceChangeRow},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ruma::{OwnedDeviceId, UserId};

use crate::event;

const SEEDS: u64 = 10_000;
const WRITERS: u64 = 3;

/// What a writer was promised: (writer, number of the commit), with its last position.
type Acknowledged = BTreeMap<(u64, u64), Position>;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let next = AtomicU64::new(0);
    let (lost, kept) = (AtomicU64::new(0), AtomicU64::new(0));
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        break;
                    }
                    let (unacknowledged_kept, unacknowledged_lost) = crash(seed);
                    kept.fetch_add(unacknowledged_kept, Ordering::Relaxed);
                    lost.fetch_add(unacknowledged_lost, Ordering::Relaxed);
                }
            });
        }
    });
    // Else the crashes would come where nothing is under way.
    assert!(lost.into_inner() > SEEDS / 10, "commits under way are lost");
    assert!(kept.into_inner() > SEEDS / 10, "and some of them are kept");
}

/// One run: some commits, a crash, a start, some more, another crash, another start. Gives how many commits
/// that were never acknowledged were kept and lost.
fn crash(seed: u64) -> (u64, u64) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut acknowledged = Acknowledged::new();
    let (mut kept, mut lost) = (0, 0);
    let mut engine = MemoryEngine::new();
    for start in 0..2 {
        let store = Store::open(engine.clone(), options(&mut chance)).unwrap();
        let published = check(seed, &store, &acknowledged);
        assert!(acknowledged.values().all(|position| *position <= published), "seed {seed}");

        engine.set_faults(Faults {
            seed: chance.random(),
            // Some crash in a write, the others wherever the writers are.
            lose_power_in_write: chance.random_bool(0.7).then(|| chance.random_range(1..=8)),
            delay: Duration::from_micros(chance.random_range(0..60)),
            ..Faults::default()
        });
        let (promised, begun) = run(&store, start, &mut chance, &engine);
        engine = engine.crash();
        drop(store);

        let after = Store::open(engine.clone(), StoreOptions::default()).unwrap();
        let there = commits_of(&after, start);
        let unacknowledged = there.iter().filter(|commit| !promised.contains_key(commit)).count() as u64;
        kept += unacknowledged;
        lost += begun - there.len() as u64;
        acknowledged.extend(promised);
    }
    let store = Store::open(engine, StoreOptions::default()).unwrap();
    let published = check(seed, &store, &acknowledged);
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(0));
    let position = futures::executor::block_on(transaction.submit()).unwrap();
    assert_eq!(position, Position(published.0 + 1), "seed {seed}");
    (kept, lost)
}

fn options(chance: &mut ChaCha8Rng) -> StoreOptions {
    StoreOptions {
        durability: Durability::Sync,
        recent_changes: chance.random_range(0..4),
        ..StoreOptions::default()
    }
}

/// Writers commit until the power fails. Gives what they were promised, and how many commits they began.
fn run(store: &Store, start: u64, chance: &mut ChaCha8Rng, engine: &MemoryEngine) -> (Acknowledged, u64) {
    let promised = Mutex::new(Acknowledged::new());
    let begun = AtomicU64::new(0);
    let pause = Duration::from_micros(chance.random_range(0..300));
    thread::scope(|scope| {
        for writer in start * WRITERS..(start + 1) * WRITERS {
            let mut chance = ChaCha8Rng::seed_from_u64(chance.random());
            let (promised, begun) = (&promised, &begun);
            scope.spawn(move || {
                for number in 0..12 {
                    let Ok(commit) = submit(store, writer, number, &mut chance) else { return };
                    begun.fetch_add(1, Ordering::Relaxed);
                    match futures::executor::block_on(commit) {
                        Ok(position) => {
                            assert!(store.published() >= position);
                            promised.lock().unwrap().insert((writer, number), position);
                        }
                        Err(error) => assert!(matches!(error, StorageError::Stopped(_)), "{error}"),
                    }
                }
            });
        }
        thread::sleep(pause);
        engine.cut_power();
    });
    (promised.into_inner().unwrap(), begun.into_inner())
}

/// A commit of several changes and as many rows, which say how many there are.
fn submit(
    store: &Store,
    writer: u64,
    number: u64,
    chance: &mut ChaCha8Rng,
) -> Result<hearth_storage::Commit, StorageError> {
    let parts = chance.random_range(1..=4_u64);
    let mut transaction = store.begin()?;
    for part in 0..parts {
        let position = transaction.append(&event(writer));
        let user = UserId::parse(format!("@{writer}_{number}:here")).unwrap();
        let device = OwnedDeviceId::from(format!("{part} of {parts}"));
        let row = DeviceChangeRow { position, previous: None };
        transaction.put(&schema::DEVICE_CHANGES, (user, device), &row);
    }
    Ok(transaction.submit())
}

/// The commits of one run that are there, by writer and number; each has all its parts.
fn commits_of(store: &Store, start: u64) -> Vec<(u64, u64)> {
    let writers = start * WRITERS..(start + 1) * WRITERS;
    let mut parts = BTreeMap::<(u64, u64), (u64, u64)>::new();
    for row in store.view().scan(&schema::DEVICE_CHANGES, Scan::all()) {
        let ((user, part), _) = row.unwrap();
        let numbers = |text: &str, between: &str| {
            let (a, b) = text.split_once(between).unwrap();
            (a.parse::<u64>().unwrap(), b.parse::<u64>().unwrap())
        };
        let found = parts.entry(numbers(user.localpart(), "_")).or_default();
        found.0 += 1;
        found.1 = numbers(part.as_str(), " of ").1;
    }
    assert!(parts.values().all(|(found, all)| found == all), "half a commit is there");
    parts.into_keys().filter(|(writer, _)| writers.contains(writer)).collect()
}

/// Checks what is there after a start; gives what is published.
fn check(seed: u64, store: &Store, acknowledged: &Acknowledged) -> Position {
    let view = store.view();
    let positions: Vec<_> = view.scan(&schema::LOG, Scan::all()).map(|row| row.unwrap().0.0.0).collect();
    let published = store.published();
    assert!(positions.iter().copied().eq(1..=published.0), "seed {seed}: the log has a gap");
    let rows = view.scan(&schema::DEVICE_CHANGES, Scan::all());
    let mut rows: Vec<_> = rows.map(|row| row.unwrap().1.position.0).collect();
    rows.sort_unstable();
    assert_eq!(rows, positions, "seed {seed}: a position has no row, or a row no position");
    let there: Vec<_> = commits_of(store, 0).into_iter().chain(commits_of(store, 1)).collect();
    for commit in acknowledged.keys() {
        assert!(there.contains(commit), "seed {seed}: {commit:?} was acknowledged and is lost");
    }
    published
}
