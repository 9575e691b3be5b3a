//! Commits a second: threads that each wait for the acknowledgement of one commit before they make the next,
//! on RocksDB in a temporary folder.
//!
//! `cargo bench -p hearth-storage`, or with other figures `… -- THREADS SECONDS`.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use hearth_storage::{
    Change, EventNid, RocksEngine, RocksOptions, RoomNid, Store, StoreOptions, TimelineOrder, schema,
};
use ruma::event_id;

fn main() -> Result<(), Box<dyn Error>> {
    let mut figures = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (threads, seconds) = (figures.next().unwrap_or(16), figures.next().unwrap_or(5));
    let folder = tempfile::tempdir()?;
    let engine = RocksEngine::open(folder.path(), &RocksOptions::default())?;
    let store = Store::open(engine, StoreOptions::default())?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (commits, groups) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut latencies = Vec::new();
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    thread::scope(|scope| {
        // Each publication is one group.
        let mut published = store.subscribe();
        let groups = &groups;
        scope.spawn(move || {
            runtime.block_on(async {
                while tokio::time::timeout_at(end.into(), published.changed()).await.is_ok() {
                    groups.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        let senders: Vec<_> = (0..threads)
            .map(|sender| {
                let (store, commits) = (&store, &commits);
                scope.spawn(move || {
                    let mut latencies = Vec::new();
                    while Instant::now() < end {
                        let begun = Instant::now();
                        commit(store, RoomNid(sender % 5), commits.fetch_add(1, Ordering::Relaxed));
                        latencies.push(begun.elapsed());
                    }
                    latencies
                })
            })
            .collect();
        for sender in senders {
            latencies.extend(sender.join().unwrap_or_default());
        }
    });
    let elapsed = started.elapsed().as_secs_f64();
    let (commits, groups) = (commits.into_inner(), groups.into_inner());
    latencies.sort_unstable();
    let percentile = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied();
    println!("{threads} threads, {seconds} s, every commit synced before it is acknowledged");
    println!("commits/s       {:.0}", commits as f64 / elapsed);
    println!(
        "groups/s        {:.0}, {:.1} commits each",
        groups as f64 / elapsed,
        commits as f64 / groups as f64
    );
    println!("acknowledgement p50 {:?}, p99 {:?}", percentile(0.5), percentile(0.99));
    Ok(())
}

/// About what a message writes.
fn commit(store: &Store, room: RoomNid, number: u64) {
    let Ok(mut transaction) = store.begin() else { return };
    let event = EventNid(number);
    let position = transaction.append(&Change::Event { room, event });
    transaction.put(&schema::TIMELINE, (room, TimelineOrder::from(position)), &event);
    transaction.put(&schema::TIMESTAMPS, (room, number, TimelineOrder::from(position)), &event);
    transaction.put(
        &schema::EVENT_NIDS,
        (event_id!("$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),),
        &event,
    );
    transaction.put(
        &schema::ROOM_HEADS,
        (room,),
        &schema::rooms::RoomHeadRow { position, ..Default::default() },
    );
    transaction.put(&schema::META, (format!("event {number}"),), &"x".repeat(800));
    let commit = transaction.submit();
    let position = position.settled(commit.before());
    let answer = futures::executor::block_on(commit);
    assert!(matches!(answer, Ok(acknowledged) if acknowledged == position));
}
