//! Purging frees the disk while users go on: how much, and how long a message takes meanwhile, is printed.

#![allow(clippy::disallowed_methods, reason = "the server that it measures runs in real time")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hearth_rooms::{CreateRoom, NewEvent, Preset, Retention, Room, Rooms, RoomsOptions};
use hearth_spec::{RoomVersion, SigningKey};
use hearth_storage::{
    Random as _, RocksEngine, RocksOptions, Store, StoreOptions, SystemClock, SystemRandom, TimelineOrder,
    schema::rooms::{Work, WorkStatus},
    timers::Timers,
};
use ruma::{UserId, owned_server_name, user_id};
use serde_json::{json, value::to_raw_value};

/// How many events are purged; `PURGED_EVENTS` says another number.
const EVENTS: usize = 6_000;
const AT_ONCE: usize = 500;
const SENDERS: usize = 4;

fn sender() -> &'static UserId {
    user_id!("@alice:h.org")
}

fn bytes_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().filter_map(Result::ok);
    // A file may go while it is looked at.
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

/// A message that cannot be made smaller.
fn message() -> NewEvent {
    let mut bytes = [0; 300];
    SystemRandom.fill(&mut bytes);
    let body: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    NewEvent::message(sender(), "m.room.message", to_raw_value(&json!({ "body": body })).unwrap())
}

async fn room(rooms: &Rooms) -> Room {
    let id = rooms.create_room(CreateRoom::new(sender().to_owned(), Preset::PublicChat)).await.unwrap();
    rooms.room(&id).unwrap()
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * percent / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn purged_history_gives_the_disk_back_while_others_send() {
    let events = std::env::var("PURGED_EVENTS").map_or(EVENTS, |number| number.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let engine = RocksEngine::open(folder.path(), &RocksOptions::default()).unwrap();
    let store = Store::open(engine, StoreOptions { log_bytes: 1 << 20, ..StoreOptions::default() }).unwrap();
    let options = RoomsOptions {
        server_name: owned_server_name!("h.org"),
        key: SigningKey::generate([1; 32], "a").unwrap(),
        cache_bytes: 32 << 20,
        default_version: RoomVersion::V12,
        retention: Retention::default(),
    };
    let clock = Arc::new(SystemClock);
    let rooms = Rooms::open(store.clone(), options, clock.clone(), Arc::new(SystemRandom)).unwrap();
    let mut timers = Timers::new(store.clone(), clock);
    rooms.handle_timers(&mut timers);
    let _timers = timers.start();

    let large = room(&rooms).await;
    for _ in 0..events / AT_ONCE {
        large.send_many((0..AT_ONCE).map(|_| message()).collect()).await.unwrap();
    }
    store.compact(hearth_storage::schema::ALL);
    let before = bytes_of(folder.path());

    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        let (room, stop) = (room(&rooms).await, stop.clone());
        senders.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while !stop.load(Relaxed) {
                let begun = Instant::now();
                room.send(message(), None).await.unwrap();
                times.push(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            times
        }));
    }
    let begun = Instant::now();
    let work = Work::PurgeHistory {
        room: large.nid(),
        before: large.head().position.into(),
        keep_own: false,
        done: TimelineOrder::MIN,
    };
    let id = rooms.begin_work(work).await.unwrap();
    while rooms.work(&id).unwrap().unwrap().status == WorkStatus::Active {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rooms.work(&id).unwrap().unwrap().status, WorkStatus::Complete);
    let purged_in = begun.elapsed();
    // The sweep and the compaction follow in the background.
    while bytes_of(folder.path()) > before / 2 && begun.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Relaxed);
    let mut times = Vec::new();
    for sender in senders {
        times.extend(sender.await.unwrap());
    }
    let after = bytes_of(folder.path());
    println!(
        "{events} events: {before} bytes before, {after} after; purged in {purged_in:.1?}; {} messages meanwhile, \
         half within {:.1?}, 99 of 100 within {:.1?}",
        times.len(),
        percentile(&mut times, 50),
        percentile(&mut times, 99),
    );
    assert!(after < before / 2, "{before} bytes before, {after} after");
    let again = large.send(message(), None).await.unwrap();
    assert!(again.order().is_some());
}
