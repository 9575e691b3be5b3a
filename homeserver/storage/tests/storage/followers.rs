//! Following the log: every reader is told of each change once, in order, across restarts.

use std::time::Duration;

use hearth_storage::{
    Behind, Change, Follower, Lag, Position, StorageError, Store, StoreOptions, Told, schema,
};

use crate::{Disk, commit, commit_event, commits::log, event, on_both_engines, within};

on_both_engines!(
    a_reader_is_told_of_each_change_once_and_in_order,
    a_reader_wakes_up,
    a_dropped_wait_loses_nothing,
    a_reader_far_behind_reads_from_disk,
    a_durable_reader_goes_on_where_it_was,
    a_new_durable_reader_begins_now,
    a_cursor_is_saved_with_the_next_commit,
    a_cursor_is_saved_when_nothing_is_committed,
    the_log_is_trimmed_behind_the_slowest_reader,
    the_log_is_trimmed_if_nobody_reads,
    what_is_told_ends_with_a_commit,
    who_comes_too_late_is_told_so,
    a_log_that_is_too_long_waits_for_nobody,
    who_is_forgotten_holds_nothing,
    the_end_comes_after_the_last_change,
);

/// Few changes in memory, and a log trimmed at once.
fn small() -> StoreOptions {
    StoreOptions { recent_changes: 4, log_keeps: 5, trim_step: 1, ..StoreOptions::default() }
}

async fn commit_events(store: &Store, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        commit_event(store, number).await;
    }
}

/// Reads up to this position and returns the positions it was told of.
async fn read_to(follower: &mut Follower, end: u64) -> Vec<u64> {
    let mut positions = Vec::new();
    while follower.position() < Position(end) {
        for (position, change) in changes(follower).await {
            assert_eq!(change, event(position.0));
            positions.push(position.0);
        }
    }
    positions
}

/// What a reader that is not behind is told next.
async fn changes(follower: &mut Follower) -> Vec<(Position, Change)> {
    match within(follower.next()).await.unwrap() {
        Told::Changes(changes) => changes,
        Told::Behind(gap) => panic!("it is behind: {gap:?}"),
    }
}

async fn a_reader_is_told_of_each_change_once_and_in_order(disk: Disk) {
    let store = disk.start();
    let mut early = store.follow(Position(0));
    commit_events(&store, 1..=20).await;
    let mut late = store.follow(Position(0));
    let mut half = store.follow(Position(10));
    assert!(read_to(&mut early, 20).await.into_iter().eq(1..=20));
    assert!(read_to(&mut late, 20).await.into_iter().eq(1..=20));
    assert!(read_to(&mut half, 20).await.into_iter().eq(11..=20));
    commit_events(&store, 21..=22).await;
    assert_eq!(read_to(&mut early, 22).await, [21, 22]);
}

async fn a_reader_wakes_up(disk: Disk) {
    let store = disk.start();
    let mut follower = store.follow(store.published());
    let reader = tokio::spawn(async move { follower.next().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!reader.is_finished());
    // A commit without a change wakes nobody.
    commit(&store, |transaction| transaction.put(&schema::META, ("a",), &String::new())).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!reader.is_finished());
    commit_event(&store, 1).await;
    assert_eq!(within(reader).await.unwrap().unwrap(), Told::Changes(vec![(Position(1), event(1))]));
}

async fn a_dropped_wait_loses_nothing(disk: Disk) {
    let store = disk.start();
    let mut follower = store.follow(Position(0));
    let mut told = Vec::new();
    for number in 1..=50 {
        let mut transaction = store.begin().unwrap();
        transaction.append(&event(number));
        let commit = transaction.submit();
        tokio::select! {
            biased;
            changes = changes(&mut follower) => told.extend(changes),
            () = tokio::task::yield_now() => {}
        }
        within(commit).await.unwrap();
    }
    let told: Vec<_> = told.into_iter().map(|(position, _): (Position, Change)| position.0).collect();
    let rest = read_to(&mut follower, 50).await;
    assert!(told.into_iter().chain(rest).eq(1..=50));
}

async fn a_reader_far_behind_reads_from_disk(disk: Disk) {
    let store = disk.open(StoreOptions { recent_changes: 4, ..StoreOptions::default() });
    let mut follower = store.follow(Position(0));
    commit(&store, |transaction| {
        for number in 1..=3000 {
            transaction.append(&event(number));
        }
    })
    .await;
    assert!(read_to(&mut follower, 3000).await.into_iter().eq(1..=3000));
}

async fn a_durable_reader_goes_on_where_it_was(disk: Disk) {
    let mut told = Vec::new();
    for run in 0..4 {
        let store = disk.open(small());
        let mut follower = store.follow_durably("reader").unwrap();
        let first = run * 20 + 1;
        commit_events(&store, first..=first + 19).await;
        // It stops in the middle, so that the next run has to catch up from disk.
        let end = first + 9;
        while follower.position() < Position(end) {
            let position = follower.position().0 + 1;
            for (position, change) in changes(&mut follower).await {
                assert_eq!(change, event(position.0));
                if position <= Position(end) {
                    told.push(position.0);
                }
            }
            assert!(told.contains(&position));
        }
        follower.save(Position(end));
    }
    assert!(told.into_iter().eq(1..=70));
}

async fn a_new_durable_reader_begins_now(disk: Disk) {
    {
        let store = disk.start();
        commit_events(&store, 1..=3).await;
        store.follow_durably("reader").unwrap();
    }
    let store = disk.start();
    commit_events(&store, 4..=5).await;
    // It has read nothing, and is known: what came since is told.
    assert_eq!(read_to(&mut store.follow_durably("reader").unwrap(), 5).await, [4, 5]);
    let mut other = store.follow_durably("other").unwrap();
    assert_eq!(other.position(), Position(5));
    commit_event(&store, 6).await;
    assert_eq!(read_to(&mut other, 6).await, [6]);
}

fn saved(store: &Store) -> Option<Position> {
    store.view().get(&schema::CURSORS, ("reader",)).unwrap()
}

async fn a_cursor_is_saved_with_the_next_commit(disk: Disk) {
    let store = disk.start();
    let mut follower = store.follow_durably("reader").unwrap();
    commit_events(&store, 1..=3).await;
    read_to(&mut follower, 3).await;
    follower.save(Position(2));
    // A cursor never goes back.
    follower.save(Position(1));
    commit_event(&store, 4).await;
    assert_eq!(saved(&store), Some(Position(2)));
    drop(follower);
    assert_eq!(store.follow_durably("reader").unwrap().position(), Position(2));
}

async fn a_cursor_is_saved_when_nothing_is_committed(disk: Disk) {
    let store = disk.start();
    let mut follower = store.follow_durably("reader").unwrap();
    commit_event(&store, 1).await;
    read_to(&mut follower, 1).await;
    follower.save(Position(1));
    within(async {
        while saved(&store) != Some(Position(1)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn the_log_is_trimmed_behind_the_slowest_reader(disk: Disk) {
    let store = disk.open(small());
    let mut slow = store.follow_durably("slow").unwrap();
    let mut fast = store.follow_durably("fast").unwrap();
    commit_events(&store, 1..=30).await;
    assert!(log(&store).into_iter().eq(1..=30));
    read_to(&mut fast, 30).await;
    fast.save(Position(30));
    read_to(&mut slow, 12).await;
    slow.save(Position(12));
    commit_event(&store, 31).await;
    assert!(log(&store).into_iter().eq(13..=31));

    // It is so after a restart as well, and a reader that does not run counts.
    drop((slow, fast, store));
    let store = disk.open(small());
    commit_event(&store, 32).await;
    assert!(log(&store).into_iter().eq(13..=32));
    let mut slow = store.follow_durably("slow").unwrap();
    assert!(read_to(&mut slow, 32).await.into_iter().eq(13..=32));
    slow.save(Position(32));
    commit_event(&store, 33).await;
    // What is read by all stays as far as the log keeps it.
    assert!(log(&store).into_iter().eq(28..=33));
}

async fn the_log_is_trimmed_if_nobody_reads(disk: Disk) {
    {
        let store = disk.open(small());
        commit_events(&store, 1..=30).await;
        assert!(log(&store).into_iter().eq(25..=30));
    }
    // Even if all but one are trimmed, positions go on.
    let store = disk.open(StoreOptions { log_keeps: 0, ..small() });
    commit(&store, |transaction| transaction.delete(&schema::META, ("a",))).await;
    assert_eq!(log(&store), [30]);
    drop(store);
    assert_eq!(commit_event(&disk.start(), 31).await, Position(31));
}

async fn who_comes_too_late_is_told_so(disk: Disk) {
    let store = disk.open(small());
    commit_events(&store, 1..=30).await;
    let mut follower = store.follow(Position(3));
    let gap = Behind { from: Position(3), to: Position(30) };
    assert_eq!(within(follower.next()).await.unwrap(), Told::Behind(gap));
    commit_event(&store, 31).await;
    assert_eq!(read_to(&mut follower, 31).await, [31]);
}

async fn what_is_told_ends_with_a_commit(disk: Disk) {
    // From memory and from disk.
    for recent_changes in [8192, 4] {
        let store = disk.open(StoreOptions { recent_changes, ..StoreOptions::default() });
        let before = store.published();
        let mut follower = store.follow(before);
        for count in [1000, 1000, 10] {
            commit(&store, |transaction| {
                for _ in 0..count {
                    transaction.append(&event(1));
                }
            })
            .await;
        }
        assert_eq!(changes(&mut follower).await.len(), 2000);
        assert_eq!(changes(&mut follower).await.len(), 10);
    }
}

async fn a_log_that_is_too_long_waits_for_nobody(disk: Disk) {
    let options = StoreOptions { log_bytes: 1000, trim_step: 10, ..small() };
    let mut told = Vec::new();
    for run in 0..3 {
        // After a restart it is as long as it was.
        let store = disk.open(options.clone());
        let mut follower = store.follow_durably("reader").unwrap();
        let first = run * 200 + 1;
        commit_events(&store, first..=first + 199).await;
        let log = log(&store);
        let (oldest, end) = (log[0], store.published());
        let bytes = store.lag(Position(oldest).before()).bytes;
        assert_eq!(store.lag(end), Lag { changes: 0, bytes: 0 });
        assert!((850..=1000).contains(&bytes), "{bytes} bytes in {} changes", log.len());
        told.push(within(follower.next()).await.unwrap());
        assert_eq!(follower.position(), end);
    }
    // It never said that it is done with anything, and is told so each time.
    let gap = |to| Told::Behind(Behind { from: Position(0), to: Position(to) });
    assert_eq!(told, [gap(200), gap(400), gap(600)]);
}

async fn who_is_forgotten_holds_nothing(disk: Disk) {
    let store = disk.open(small());
    store.follow_durably("reader").unwrap();
    commit_events(&store, 1..=30).await;
    assert_eq!(log(&store).len(), 30);
    store.forget_reader("reader");
    commit_event(&store, 31).await;
    assert!(log(&store).into_iter().eq(26..=31));
    assert_eq!(saved(&store), None);
    // If it comes again it is new.
    assert_eq!(store.follow_durably("reader").unwrap().position(), Position(31));
}

async fn the_end_comes_after_the_last_change(disk: Disk) {
    let store = disk.start();
    let mut follower = store.follow(Position(0));
    let mut waiting = store.follow(Position(3));
    let waiting = tokio::spawn(async move { waiting.next().await });
    commit_events(&store, 1..=3).await;
    store.close();
    assert!(matches!(within(waiting).await.unwrap(), Err(StorageError::Stopped(_))));
    assert_eq!(read_to(&mut follower, 3).await, [1, 2, 3]);
    assert!(matches!(within(follower.next()).await, Err(StorageError::Stopped(_))));
}
