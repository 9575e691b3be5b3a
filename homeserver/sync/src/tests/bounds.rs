//! What is kept in memory stays within its bounds.

use super::*;
use crate::SyncError;

/// What those who are online may take of so many bytes, and what the rooms that were evaluated may take.
const MEMORY: usize = 384 << 10;
const ONLINE: usize = MEMORY / 12 * 10;
const EVALUATED: u64 = 128 << 10;
/// One user more than there is room for is noticed when the next comes.
const ONE: usize = 16 << 10;

fn small_world() -> World {
    World::with_evaluated(SyncOptions { presence: false, memory_bytes: MEMORY }, EVALUATED as usize)
}

#[tokio::test]
async fn who_is_idle_makes_room_for_who_syncs() {
    let world = small_world();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    for n in 0..300 {
        let mut user = world.user(&format!("u{n}")).await;
        user.join(&room).await;
        world.clock.advance(1);
        user.sync().await;
        let (online, _) = world.sync.held();
        assert!(online <= ONLINE + ONE, "{online}");
    }
    let (online, _) = world.sync.held();
    assert!(online > ONLINE / 2, "the bound was reached: {online}");
    world.clock.advance(11 * 60_000);
    world.sync.tidy();
    let (online, _) = world.sync.held();
    assert!(online < ONE, "nobody is left: {online}");
}

#[tokio::test]
async fn who_comes_when_all_room_is_taken_by_those_who_wait_is_told_so() {
    let world = small_world();
    let mut waiting = Vec::new();
    let refused = loop {
        let mut user = world.user(&format!("u{}", waiting.len())).await;
        user.create(Preset::PublicChat).await;
        world.clock.advance(2_000);
        match world.sync.sync(user.request(Duration::ZERO)).await {
            Ok(response) => {
                let response: Value = serde_json::from_str(&response).unwrap();
                user.since = Some(response["next_batch"].as_str().unwrap().parse().unwrap());
            }
            Err(error) => break error,
        }
        let (sync, request) = (world.sync.clone(), user.request(Duration::from_secs(60)));
        waiting.push(tokio::spawn(async move { sync.sync(request).await }));
        while !world.sync.is_syncing(&user.user) {
            tokio::task::yield_now().await;
        }
        let (online, _) = world.sync.held();
        assert!(online <= ONLINE + ONE, "{online}");
    };
    assert!(matches!(refused, SyncError::Full), "{refused}");
    assert!(waiting.len() > 50, "{}", waiting.len());
    // As soon as one is gone another can come.
    for waiting in waiting {
        waiting.abort();
        _ = waiting.await;
    }
    world.clock.advance(2_000);
    let last = world.user("last").await;
    world.sync.sync(last.request(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn the_rooms_that_are_counted_take_no_more_than_their_share() {
    let world = small_world();
    let (alice, mut bob) = (world.user("alice").await, world.user("bob").await);
    let mut rooms = Vec::new();
    for n in 0..120 {
        let room = alice.create_with(&[&bob]).await;
        alice.say(&room, &format!("message {n}")).await;
        rooms.push(room);
        bob.sync().await;
        let (_, evaluated) = world.sync.held();
        assert!(evaluated <= EVALUATED, "{evaluated}");
    }
    for room in &rooms {
        assert_eq!(world.sync.unread(&bob.user, room).unwrap().total().notifications, 1);
    }
    let (_, evaluated) = world.sync.held();
    assert!(evaluated > EVALUATED / 2 && evaluated <= EVALUATED, "{evaluated}");
}

#[tokio::test]
async fn an_event_that_names_very_many_notifies_each_of_them() {
    let world = World::new();
    let (alice, mut bob, mut carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.create_with(&[&bob, &carol]).await;
    let mut named: Vec<String> = (0..100).map(|n| format!("@nobody{n}:h.org")).collect();
    named.push(bob.user.to_string());
    alice.send(&room, json!({"msgtype": "m.text", "body": "all", "m.mentions": {"user_ids": named}})).await;
    for (client, highlights) in [(&mut bob, 1), (&mut carol, 0)] {
        let response = client.sync().await;
        let counts = &joined(&response, &room)["unread_notifications"];
        assert_eq!(counts, &json!({"notification_count": 1, "highlight_count": highlights}));
    }
}
