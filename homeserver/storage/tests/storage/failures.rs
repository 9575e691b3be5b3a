//! What happens when the disk fails, is full, or is slow. On the engine in memory, which does so when told.

use std::time::Duration;

use hearth_storage::{
    Durability, Faults, MemoryEngine, Position, StorageError, Store, StoreOptions, Told, schema,
};

use crate::{Shared, commit_event, event, within};

fn start(faults: Faults) -> (MemoryEngine, Store) {
    let engine = MemoryEngine::new();
    let store = Store::open(engine.clone(), StoreOptions::default()).unwrap();
    engine.set_faults(faults);
    (engine, store)
}

fn submit(store: &Store, number: u64) -> hearth_storage::Commit {
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(number));
    transaction.submit()
}

/// The positions of the log that an observer is told of.
fn seen(store: &Store) -> Shared<u64> {
    let seen = Shared::<u64>::default();
    let told = seen.clone();
    store.observe(&schema::LOG, move |row| {
        told.lock().unwrap().push(row.key()?.0.0);
        Ok(())
    });
    seen
}

/// Waits until the store says that it cannot write.
async fn fails(store: &Store) -> String {
    within(async {
        loop {
            match store.is_failing() {
                Some(reason) => return reason,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_write_that_fails_three_times_is_written_the_fourth_time() {
    let (_, store) = start(Faults { fail_writes: 3..6, ..Faults::default() });
    let mut follower = store.follow(Position(0));
    for number in 1..=5 {
        assert_eq!(commit_event(&store, number).await, Position(number));
    }
    assert_eq!(store.is_failing(), None);
    let told = within(follower.next()).await.unwrap();
    let Told::Changes(changes) = &told else { panic!("{told:?}") };
    assert!(changes.iter().map(|(position, _)| position.0).eq(1..=5), "{told:?}");
}

/// On a full disk reading goes on, and who comes to write is refused; what was taken before is written in its
/// order, each once, when there is room again.
#[tokio::test]
async fn a_full_disk_stops_no_reading_and_no_later_writing() {
    let (engine, store) = start(Faults { capacity: Some(1000), ..Faults::default() });
    for number in 1..=3 {
        commit_event(&store, number).await;
    }
    let mut commits = Vec::new();
    let seen = seen(&store);
    for number in 4.. {
        let Ok(mut transaction) = store.begin() else { break };
        transaction.append(&event(number));
        commits.push(transaction.submit());
    }
    assert!(fails(&store).await.contains("no space left"));
    assert!(matches!(store.begin(), Err(StorageError::Failing(_))));
    assert_eq!(store.is_stopped(), None);
    let written = store.published();
    let last = 3 + commits.len() as u64;
    assert!((3..last).contains(&written.0), "{written:?}");
    assert!(store.view().contains(&schema::LOG, (written,)).unwrap());
    assert!(!store.view().contains(&schema::LOG, (Position(written.0 + 1),)).unwrap());

    engine.set_faults(Faults::default());
    for (commit, position) in commits.into_iter().zip(4..) {
        assert_eq!(within(commit).await.unwrap(), Position(position));
    }
    assert!(seen.lock().unwrap().iter().copied().eq(4..=last));
    assert_eq!(store.is_failing(), None);
    assert_eq!(commit_event(&store, last + 1).await, Position(last + 1));
    assert!(crate::commits::log(&store).into_iter().eq(1..=last + 1));
}

#[tokio::test]
async fn what_a_closing_store_cannot_write_is_refused() {
    let (engine, store) = start(Faults { fail_writes: 2..u64::MAX, ..Faults::default() });
    commit_event(&store, 1).await;
    let seen = seen(&store);
    let mut commits = Vec::new();
    while let Ok(mut transaction) = store.begin() {
        transaction.append(&event(2));
        commits.push(transaction.submit());
    }
    let mut follower = store.follow(Position(1));
    store.close();
    for commit in commits {
        assert!(matches!(within(commit).await, Err(StorageError::Stopped(_))));
    }
    assert_eq!(*seen.lock().unwrap(), [] as [u64; 0]);
    assert!(store.is_stopped().unwrap().contains("input/output"));
    assert!(matches!(within(follower.next()).await, Err(StorageError::Stopped(_))));

    // After the next start there is what was acknowledged, and positions go on from there.
    let store = Store::open(engine.crash(), StoreOptions::default()).unwrap();
    assert_eq!(commit_event(&store, 51).await, Position(2));
}

#[tokio::test]
async fn a_panic_in_an_observer_stops_the_store() {
    let (_, store) = start(Faults::default());
    commit_event(&store, 1).await;
    store.observe(&schema::LOG, |_| panic!("a test"));
    assert!(matches!(within(submit(&store, 2)).await, Err(StorageError::Stopped(_))));
    within(async {
        while store.is_stopped().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(matches!(store.begin(), Err(StorageError::Stopped(_))));
    store.close();
}

#[tokio::test]
async fn too_much_waiting_is_busy() {
    let engine = MemoryEngine::new();
    let options = StoreOptions { queue_bytes: 64 << 10, ..StoreOptions::default() };
    let store = Store::open(engine.clone(), options).unwrap();
    engine.set_faults(Faults { delay: Duration::from_millis(300), seed: 1, ..Faults::default() });
    let mut commits = Vec::new();
    let error = loop {
        match store.begin() {
            Ok(mut transaction) => {
                transaction.append(&event(1));
                transaction.put(&schema::META, ("a",), &"x".repeat(1000));
                commits.push(transaction.submit());
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StorageError::Busy), "{error}");
    assert!((30..=64).contains(&commits.len()), "{}", commits.len());
    engine.set_faults(Faults::default());
    for commit in commits {
        within(commit).await.unwrap();
    }
    // What was written makes room.
    within(async {
        while store.begin().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    commit_event(&store, 2).await;
}

/// Whoever hears of a commit, as an observer, by `published`, or by its acknowledgement, hears of it when it is
/// synced, with however slow a disk.
#[tokio::test]
async fn nobody_hears_of_a_commit_before_it_is_synced() {
    let (engine, store) = start(Faults { delay: Duration::from_millis(2), seed: 5, ..Faults::default() });
    let synced = {
        let engine = engine.clone();
        move |position: Position| {
            let view = Store::open(engine.synced(), StoreOptions::default()).unwrap().view();
            view.contains(&schema::LOG, (position,)).unwrap()
        }
    };
    let mut published = store.subscribe();
    let watcher = tokio::spawn({
        let synced = synced.clone();
        async move {
            while *published.borrow() < Position(60) {
                published.changed().await.unwrap();
                let position = *published.borrow_and_update();
                assert!(synced(position));
            }
        }
    });
    let early = Shared::<u64>::default();
    store.observe(&schema::LOG, {
        let (synced, early) = (synced.clone(), early.clone());
        move |row| {
            let (position,) = row.key()?;
            if !synced(position) {
                early.lock().unwrap().push(position.0);
            }
            Ok(())
        }
    });
    for first in (1..=60).step_by(3) {
        let commits: Vec<_> = (first..first + 3).map(|number| submit(&store, number)).collect();
        for commit in commits {
            let position = within(commit).await.unwrap();
            assert!(synced(position));
        }
    }
    within(watcher).await.unwrap();
    assert_eq!(*early.lock().unwrap(), [] as [u64; 0]);
}

#[tokio::test]
async fn without_syncs_a_crash_takes_the_end_only() {
    for seed in 0..100 {
        let engine = MemoryEngine::with_faults(Faults { seed, ..Faults::default() });
        let options = StoreOptions { durability: Durability::Async, ..StoreOptions::default() };
        let store = Store::open(engine.clone(), options).unwrap();
        for number in 1..=20 {
            commit_event(&store, number).await;
        }
        let store = Store::open(engine.crash(), StoreOptions::default()).unwrap();
        let end = store.published().0;
        assert!(end <= 20);
        assert!(crate::commits::log(&store).into_iter().eq(1..=end));
    }
}
