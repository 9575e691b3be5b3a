//! Committing: atomic, in order, durable before anyone hears of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use futures::future::join_all;
use hearth_storage::{Durability, LogRow, Position, Scan, Store, StoreOptions, schema};

use crate::{Disk, Shared, commit, commit_event, event, on_both_engines, within};

on_both_engines!(
    positions_follow_each_other,
    positions_go_on_after_a_restart,
    positions_of_a_dropped_transaction_are_given_back,
    a_commit_is_read_when_it_is_acknowledged,
    a_dropped_commit_is_written,
    observers_hear_in_order_before_publication_and_acknowledgement,
    many_threads_commit_without_a_gap,
    closing_writes_what_waits,
    a_closed_store_takes_no_commit,
    acknowledged_without_a_sync,
);

/// The positions in the log.
pub fn log(store: &Store) -> Vec<u64> {
    store.view().scan(&schema::LOG, Scan::all()).map(|row| row.unwrap().0.0.0).collect()
}

async fn positions_follow_each_other(disk: Disk) {
    let store = disk.start();
    assert_eq!(store.published(), Position(0));
    let mut transaction = store.begin().unwrap();
    let expected = transaction.next_position();
    let (first, second) = (transaction.append(&event(1)), transaction.append(&event(2)));
    assert_eq!(first, expected);
    assert!(Position(1 << 40) < first && first < second, "provisional positions come last");
    let submitted = transaction.submit();
    let settled = [first, second].map(|position| position.settled(submitted.before()));
    assert_eq!(settled, [Position(1), Position(2)]);
    assert_eq!(within(submitted).await.unwrap(), Position(2));
    assert_eq!(store.published(), Position(2));
    // A commit that changes nothing in the log is acknowledged with what was before it.
    let position = commit(&store, |transaction| transaction.delete(&schema::META, ("a",))).await;
    assert_eq!(position, Position(2));
    assert_eq!(commit_event(&store, 3).await, Position(3));
    let row = LogRow { change: event(2), goes_on: false };
    assert_eq!(store.view().get(&schema::LOG, (Position(2),)).unwrap(), Some(row));
}

async fn positions_go_on_after_a_restart(disk: Disk) {
    for number in 1..=3 {
        let store = disk.start();
        assert_eq!(store.published(), Position(number - 1));
        assert_eq!(commit_event(&store, number).await, Position(number));
    }
}

async fn positions_of_a_dropped_transaction_are_given_back(disk: Disk) {
    let store = disk.start();
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(1));
    transaction.put(&schema::META, ("a",), &"1".to_owned());
    drop(transaction);
    assert_eq!(commit_event(&store, 2).await, Position(1));
    assert_eq!(log(&store), [1]);
    assert_eq!(store.view().get(&schema::META, ("a",)).unwrap(), None);
}

async fn a_commit_is_read_when_it_is_acknowledged(disk: Disk) {
    let store = disk.start();
    for number in 1..=50_u64 {
        commit(&store, |transaction| {
            transaction.append(&event(number));
            transaction.put(&schema::META, ("a",), &number.to_string());
        })
        .await;
        assert_eq!(store.view().get(&schema::META, ("a",)).unwrap(), Some(number.to_string()));
        assert!(store.published() >= Position(number));
    }
}

async fn a_dropped_commit_is_written(disk: Disk) {
    let store = disk.start();
    let mut published = store.subscribe();
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(1));
    drop(transaction.submit());
    within(published.wait_for(|position| *position == Position(1))).await.unwrap();
    assert_eq!(log(&store), [1]);
}

async fn observers_hear_in_order_before_publication_and_acknowledgement(disk: Disk) {
    let store = disk.start();
    let seen: Shared<(u64, Position, bool)> = Shared::default();
    let (view, published) = (store.view(), store.subscribe());
    store.observe(&schema::LOG, {
        let seen = seen.clone();
        move |row| {
            let (position,) = row.key()?;
            let readable = view.get(&schema::LOG, (position,))? == row.value()?;
            seen.lock().unwrap().push((position.0, *published.borrow(), readable));
            Ok(())
        }
    });
    let commits: Vec<_> = (1..=100)
        .map(|number| {
            let mut transaction = store.begin().unwrap();
            transaction.append(&event(number));
            (number, transaction.submit())
        })
        .collect();
    for (number, commit) in commits {
        within(commit).await.unwrap();
        assert!(seen.lock().unwrap().iter().any(|(seen, ..)| *seen == number));
    }
    let seen = seen.lock().unwrap();
    assert!(seen.iter().map(|(position, ..)| *position).eq(1..=100));
    assert!(seen.iter().all(|(position, published, readable)| published.0 < *position && *readable));
}

async fn many_threads_commit_without_a_gap(disk: Disk) {
    const THREADS: u64 = 8;
    const EACH: u64 = 100;
    let store = disk.start();
    let mut published = store.subscribe();
    let watcher = tokio::spawn(async move {
        let mut last = Position(0);
        while last < Position(THREADS * EACH * 2) {
            published.changed().await.unwrap();
            let now = *published.borrow_and_update();
            assert!(now > last, "published positions only rise");
            last = now;
        }
    });
    let sum = Arc::new(AtomicU64::new(0));
    store.observe(&schema::LOG, {
        let sum = sum.clone();
        move |row| {
            sum.fetch_add(row.key()?.0.0, Ordering::Relaxed);
            Ok(())
        }
    });
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let store = store.clone();
            thread::spawn(move || {
                let user = ruma::UserId::parse(format!("@{thread}:here")).unwrap();
                let commits: Vec<_> = (0..EACH)
                    .map(|number| {
                        let mut transaction = store.begin().unwrap();
                        let first = transaction.append(&event(number));
                        let second = transaction.append(&event(number));
                        assert_eq!(second.0, first.0 + 1);
                        transaction.put(&schema::PROFILES, (&user, number.to_string()), &String::new());
                        transaction.submit()
                    })
                    .collect();
                futures::executor::block_on(join_all(commits))
            })
        })
        .collect();
    let mut acknowledged: Vec<_> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .map(|position| position.unwrap().0)
        .collect();
    acknowledged.sort_unstable();
    assert!(acknowledged.into_iter().eq((1..=THREADS * EACH).map(|number| number * 2)));
    within(watcher).await.unwrap();
    assert!(log(&store).into_iter().eq(1..=THREADS * EACH * 2));
    assert_eq!(store.view().scan(&schema::PROFILES, Scan::all()).count() as u64, THREADS * EACH);
    let positions = 1..=THREADS * EACH * 2;
    assert_eq!(sum.load(Ordering::Relaxed), positions.sum::<u64>());
}

async fn closing_writes_what_waits(disk: Disk) {
    let store = disk.start();
    let commits: Vec<_> = (1..=200)
        .map(|number| {
            let mut transaction = store.begin().unwrap();
            transaction.append(&event(number));
            transaction.submit()
        })
        .collect();
    store.close();
    assert_eq!(store.published(), Position(200));
    for commit in commits {
        within(commit).await.unwrap();
    }
    drop(store);
    assert!(log(&disk.start()).into_iter().eq(1..=200));
}

async fn a_closed_store_takes_no_commit(disk: Disk) {
    let store = disk.start();
    commit_event(&store, 1).await;
    assert_eq!(store.is_stopped(), None);
    store.close();
    store.close();
    assert!(store.begin().is_err());
    assert_eq!(store.is_stopped().as_deref(), Some("the store is closed"));
    assert_eq!(log(&store), [1]);
}

async fn acknowledged_without_a_sync(disk: Disk) {
    let options = StoreOptions { durability: Durability::Async, ..StoreOptions::default() };
    let store = disk.open(options.clone());
    for number in 1..=20 {
        assert_eq!(commit_event(&store, number).await, Position(number));
    }
    assert_eq!(store.published(), Position(20));
    drop(store);
    assert_eq!(disk.open(options).published(), Position(20));
}
