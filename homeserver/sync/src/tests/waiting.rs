//! Long-polling: woken by what concerns one, by nothing else, and never too late.

use std::collections::HashSet;

use super::*;

#[tokio::test]
async fn a_request_waits_until_something_concerns_it() {
    let world = World::new();
    let (alice, mut bob, mut carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let (room, other) = (alice.create_with(&[&bob]).await, alice.create_with(&[&carol]).await);
    bob.sync().await;
    carol.sync().await;
    let waiting = tokio::spawn(async move { (bob.wait().await, bob) });
    tokio::time::sleep(Duration::from_millis(20)).await;
    alice.say(&other, "not his").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    alice.say(&room, "his").await;
    let (response, _) = waiting.await.unwrap();
    assert_eq!(bodies(&response, &room), ["his"]);
}

#[tokio::test]
async fn a_request_ends_when_its_time_is_over() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    alice.create(Preset::PublicChat).await;
    alice.sync().await;
    let response = alice.sync_for(Duration::from_millis(30)).await;
    assert!(response.get("rooms").is_none());
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_stops() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    alice.sync().await;
    let waiting = tokio::spawn(async move { (alice.sync_for(Duration::from_secs(3600)).await, alice) });
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.sync.stop_waiting();
    let soon = Duration::from_secs(10);
    let (response, mut alice) = tokio::time::timeout(soon, waiting).await.unwrap().unwrap();
    assert!(response.get("rooms").is_none());
    // Nor who asks again.
    tokio::time::timeout(soon, alice.sync_for(Duration::from_secs(3600))).await.unwrap();
}

#[tokio::test]
async fn long_responses_are_computed_few_at_a_time_and_hold_up_no_others() {
    let world = World::new();
    let mut alice = world.user("alice").await;
    for _ in 0..40 {
        alice.create(Preset::PublicChat).await;
    }
    alice.sync().await;
    let since = alice.since;
    let others = world.sync.all_long_responses();
    // Nothing to look at: at once.
    alice.sync().await;
    // Away for longer than is remembered.
    world.clock.advance(11 * 60_000);
    world.sync.tidy();
    alice.create(Preset::PublicChat).await;
    world.sync.reached(world.rooms.store().published()).await.unwrap();
    alice.since = since;
    let (sync, request) = (world.sync.clone(), alice.request(Duration::ZERO));
    let waiting = tokio::spawn(async move { sync.sync(request).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    drop(others);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_hangs_while_the_log_cannot_be_followed() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    world.sync.set_broken(true);
    let guard = Duration::from_secs(60);
    let all = async {
        for number in 0..4 {
            let body = number.to_string();
            alice.say(&room, &body).await;
            // Not at once, as the hub has to begin anew; but each request is answered.
            while !bodies(&bob.sync_for(Duration::ZERO).await, &room).contains(&body) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    tokio::time::timeout(guard, all).await.unwrap();

    world.sync.set_broken(false);
    let waiting = bob.sync_for(Duration::from_secs(3600));
    let said = async { tokio::join!(waiting, alice.say(&room, "mended")).0 };
    let response = tokio::time::timeout(guard, said).await.unwrap();
    assert_eq!(bodies(&response, &room), ["mended"]);
}

#[tokio::test]
async fn an_invite_and_a_join_by_another_device_wake() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create(Preset::PrivateChat).await;
    let other = world.client(&bob.user, "X").await;
    bob.sync().await;
    let waiting = tokio::spawn(async move { (bob.wait().await, bob) });
    tokio::time::sleep(Duration::from_millis(10)).await;
    alice.set_membership(&room, &other, "invite").await;
    let (response, mut bob) = waiting.await.unwrap();
    assert!(response["rooms"]["invite"].is_object());
    let waiting = tokio::spawn(async move { bob.wait().await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    other.join(&room).await;
    assert!(joined(&waiting.await.unwrap(), &room).is_object());
}

#[tokio::test]
async fn a_dropped_request_leaves_nothing_behind() {
    let world = World::new();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    let sync = world.sync.clone();
    let request = bob.request(Duration::from_secs(10));
    let waiting = tokio::spawn(async move { sync.sync(request).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(world.sync.is_syncing(&bob.user));
    waiting.abort();
    waiting.await.unwrap_err();
    assert!(!world.sync.is_syncing(&bob.user));
    alice.say(&room, "still there").await;
    assert_eq!(bodies(&bob.wait().await, &room), ["still there"]);
    // Whoever is away for long is no longer watched, and is told all the same.
    world.clock.advance(11 * 60_000);
    world.sync.tidy();
    alice.say(&room, "later").await;
    assert_eq!(bodies(&bob.sync().await, &room), ["later"]);
}

#[tokio::test]
async fn a_client_goes_on_after_a_restart() {
    let engine = MemoryEngine::new();
    let open = || Store::open(engine.clone(), StoreOptions::default()).unwrap();
    let options = || SyncOptions { presence: false, ..SyncOptions::default() };
    let store = open();
    let world = World::on(store.clone(), options());
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.create_with(&[&bob]).await;
    bob.sync().await;
    alice.say(&room, "while away").await;
    store.close();
    let world = World::on(open(), options());
    let room = world.rooms.room(room.id()).unwrap();
    bob.world = world;
    let response = bob.sync().await;
    assert_eq!(bodies(&response, &room), ["while away"]);
    assert_eq!(joined(&response, &room)["unread_notifications"]["notification_count"], 1);
}

/// Every message is told to everyone exactly once, however the writes and the requests interleave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_told_twice() {
    const MESSAGES: usize = 120;
    let world = World::new();
    let senders = [world.user("alice").await, world.user("bob").await];
    let mut readers = vec![world.user("r0").await, world.user("r1").await, world.user("r2").await];
    let everyone: Vec<&Client> = senders[1..].iter().chain(&readers).collect();
    let (one, two) = (senders[0].create_with(&everyone).await, senders[0].create_with(&everyone).await);
    let mut reading = Vec::new();
    for reader in &mut readers {
        reader.filter = json!({"room": {"timeline": {"limit": 100}}});
        reader.sync().await;
    }
    for mut reader in readers {
        let rooms = [one.clone(), two.clone()];
        reading.push(tokio::spawn(async move {
            let (mut seen, mut told) = (HashSet::new(), 0);
            while seen.len() < 2 * MESSAGES {
                let response = reader.wait().await;
                for room in &rooms {
                    assert_ne!(joined(&response, room)["timeline"]["limited"], true);
                    let bodies = bodies(&response, room);
                    told += bodies.len();
                    seen.extend(bodies);
                }
            }
            (seen.len(), told)
        }));
    }
    let sending = senders.map(|sender| {
        let rooms = [one.clone(), two.clone()];
        tokio::spawn(async move {
            for n in 0..MESSAGES {
                sender.say(&rooms[n % 2], &format!("{} {n}", sender.user)).await;
            }
        })
    });
    for sending in sending {
        sending.await.unwrap();
    }
    for reading in reading {
        let done = tokio::time::timeout(Duration::from_secs(60), reading).await;
        assert_eq!(done.unwrap().unwrap(), (2 * MESSAGES, 2 * MESSAGES));
    }
}
