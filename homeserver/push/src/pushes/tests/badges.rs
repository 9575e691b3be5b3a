//! In how many rooms something is unread, and that it is what a sync tells.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::pushes::unread::UnreadNotifications;

fn last_badge(world: &World) -> u64 {
    let took = world.gateways.took(HOST);
    took.last().map_or(0, |last| last["counts"]["unread"].as_u64().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn what_is_read_elsewhere_makes_a_new_badge() {
    let world = World::new();
    let (alice, bob, one) = alice_and_bob(&world).await;
    let two = world.room(&alice, &[&bob]).await;
    world.say(&alice, &one, "a").await;
    world.say(&alice, &one, "b").await;
    let last = world.say(&alice, &one, "c").await;
    let other = world.say(&alice, &two, "d").await;
    world.settle().await;
    assert_eq!((world.gateways.took(HOST).len(), last_badge(&world)), (4, 2));
    one.set_receipt(&bob, "m.read", None, &last).await.unwrap();
    two.set_receipt(&bob, "m.read.private", None, &other).await.unwrap();
    world.settle().await;
    let took = world.gateways.took(HOST);
    assert_eq!(took.len(), 5, "both at once");
    assert_eq!(took[4]["counts"], json!({"unread": 0}));
    assert_eq!((&took[4]["event_id"], &took[4]["prio"]), (&Value::Null, &json!("low")));
    // What changes nothing is not told.
    one.set_receipt(&bob, "m.read.private", None, &last).await.unwrap();
    world.settle().await;
    assert_eq!(world.gateways.took(HOST).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_was_unread_before_the_first_pusher_counts() {
    let world = World::new();
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    for _ in 0..3 {
        let room = world.room(&alice, &[&bob]).await;
        world.say(&alice, &room, "before").await;
    }
    world.room(&alice, &[&bob]).await;
    world.gateways.serve(HOST, || Answer::Take);
    world.push_to(&bob, "key", HOST).await;
    world.settle().await;
    assert_eq!((world.gateways.told(HOST).len(), last_badge(&world)), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_was_left_is_not_unread() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    world.say(&alice, &room, "a").await;
    world.settle().await;
    assert_eq!(last_badge(&world), 1);
    room.set_membership(&bob, &bob, "leave", Map::new()).await.unwrap();
    world.settle().await;
    assert_eq!(last_badge(&world), 0);
}

/// A pusher may have its turn when something is durable, and before it is said that it is.
#[tokio::test(start_paused = true)]
async fn what_was_noted_just_now_is_unread() {
    let world = World::new();
    let (alice, bob, room) = alice_and_bob(&world).await;
    let first = world.say(&alice, &room, "first").await;
    world.settle().await;
    let unread = UnreadNotifications::new(world.rooms.clone());
    assert_eq!(unread.count(&bob).unwrap(), 1);
    let second = world.say(&alice, &room, "second").await;
    world.settle().await;
    for event in [first, second] {
        let position = event.order().unwrap().position();
        assert!(unread.contains(&bob, room.nid(), position).unwrap());
    }
    assert_eq!(unread.count(&bob).unwrap(), 1);
}

struct Said {
    room: Room,
    event: Arc<Event>,
    in_thread: bool,
}

/// Of whatever happens, what was pushed, the badge, the index and the counts of a sync say the same.
#[tokio::test(start_paused = true)]
async fn what_is_pushed_is_what_is_counted() {
    for seed in 0..8 {
        let mut chance = StdRng::seed_from_u64(seed);
        let world = World::new();
        let (alice, bob, one) = alice_and_bob(&world).await;
        let rooms = [one, world.room(&alice, &[&bob]).await, world.room(&alice, &[&bob]).await];
        let mut events: Vec<Said> = Vec::new();
        for step in 0..60 {
            let room = &rooms[chance.random_range(0..rooms.len())];
            match chance.random_range(0..10) {
                0 => drop(world.say(&bob, room, "mine").await),
                1 => {
                    let content = json!({"msgtype": "m.notice", "body": "nothing"});
                    world.send(&alice, room, content).await;
                }
                2 if !events.is_empty() => {
                    let Said { room, event, .. } = &events[chance.random_range(0..events.len())];
                    room.set_receipt(&bob, "m.read", None, event).await.unwrap();
                }
                3 if !events.is_empty() => {
                    let Said { room, event, .. } = events.swap_remove(chance.random_range(0..events.len()));
                    world.redact(&alice, &room, &event).await;
                }
                _ => {
                    let mut content = json!({"msgtype": "m.text", "body": format!("{step}")});
                    if chance.random_bool(0.3) {
                        content["m.mentions"] = json!({"user_ids": [bob]});
                    }
                    let root = events.iter().find(|said| !said.in_thread && said.room.nid() == room.nid());
                    let root = root.filter(|_| chance.random_bool(0.3));
                    if let Some(root) = root {
                        content["m.relates_to"] =
                            json!({"rel_type": "m.thread", "event_id": root.event.id()});
                    }
                    let in_thread = root.is_some();
                    let event = world.send(&alice, room, content).await;
                    events.push(Said { room: room.clone(), event, in_thread });
                }
            }
            if chance.random_bool(0.2) {
                world.settle().await;
            }
        }
        world.settle().await;
        let pushes = world.pushes.as_ref().unwrap();
        let all = (Position(0), Position(u64::MAX - 1));
        let index = pushes.notifications().newest(&bob, all, false, usize::MAX).unwrap();
        let mut unread_rooms = 0;
        for room in &rooms {
            let counts = world.unread(&bob, room).total();
            let marks = crate::ReadMarks::of(
                room.receipts_of(&bob).unwrap(),
                room.membership(&bob).unwrap().unwrap().position.into(),
            );
            let unread: Vec<_> = index
                .iter()
                .filter(|notification| notification.row.room == room.nid())
                .filter(|notification| {
                    !marks.has_read(notification.position.into(), notification.row.thread.as_deref())
                })
                .filter(|notification| {
                    world.rooms.event(notification.row.event).unwrap().unwrap().redacted_by.is_none()
                })
                .collect();
            let highlights = unread.iter().filter(|notification| notification.row.highlight).count();
            assert_eq!(
                (counts.notifications, counts.highlights),
                (unread.len() as u64, highlights as u64),
                "seed {seed}"
            );
            unread_rooms += u64::from(counts.notifications > 0);
        }
        assert_eq!(last_badge(&world), unread_rooms, "seed {seed}");
    }
}
