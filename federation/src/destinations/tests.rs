use hearth_storage::{ManualClock, MemoryEngine, SeededRandom, StoreOptions};
use ruma::server_name;

use super::*;

fn open(store: &Store, clock: &Arc<ManualClock>) -> Destinations {
    Destinations::open(store.clone(), clock.clone(), Arc::new(SeededRandom::new(1))).unwrap()
}

#[tokio::test]
async fn a_failing_server_is_left_alone_for_longer_and_longer() {
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let clock = Arc::new(ManualClock::new(1_000_000));
    let destinations = open(&store, &clock);
    let server = server_name!("example.org");
    assert!(destinations.may_try(server));

    destinations.failed(server);
    // A second request of the same time does not count.
    destinations.failed(server);
    assert!(!destinations.may_try(server));
    clock.advance(1000);
    assert!(destinations.may_try(server));

    destinations.failed(server);
    clock.advance(1000);
    assert!(!destinations.may_try(server));
    // It survives a restart.
    store.begin().unwrap().submit().await.unwrap();
    assert!(!open(&store, &clock).may_try(server));
    clock.advance(1000);
    assert!(destinations.may_try(server));

    destinations.succeeded(server);
    assert!(!destinations.is_failing(server));
    store.begin().unwrap().submit().await.unwrap();
    assert!(!open(&store, &clock).is_failing(server));
}

#[tokio::test]
async fn who_waits_goes_on_when_the_server_is_heard_from() {
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let destinations = open(&store, &Arc::new(ManualClock::new(1_000_000)));
    let server = server_name!("example.org");
    destinations.ready(server).await;
    destinations.failed(server);
    let waiting = tokio::spawn({
        let destinations = destinations.clone();
        async move { destinations.ready(server_name!("example.org")).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    destinations.heard_from(server);
    waiting.await.unwrap();
    assert!(destinations.may_try(server) && destinations.is_failing(server));
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_server_from_being_tried() {
    let store = Store::open(MemoryEngine::default(), StoreOptions::default()).unwrap();
    let clock = Arc::new(ManualClock::new(1_000_000_000));
    let destinations = open(&store, &clock);
    let server = server_name!("example.org");
    destinations.failed(server);
    assert!(!destinations.may_try(server));
    clock.set(1_000_000_000 - 120_000);
    assert!(destinations.may_try(server));
    destinations.failed(server);
    assert!(!destinations.may_try(server));
    clock.advance(2000);
    assert!(destinations.may_try(server));
}
