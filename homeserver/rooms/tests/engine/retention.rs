//! What is sent is purged when it is older than it may be.

use std::time::Duration;

use hearth_rooms::{Retention, Room, TimelineRange};
use hearth_spec::RoomVersion;
use hearth_storage::{Scan, schema, timers::Timers};
use serde_json::{Value, json};

use crate::world::*;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn bodies(room: &Room) -> Vec<String> {
    let events = room.timeline(TimelineRange { limit: 10_000, ..Default::default() }).unwrap();
    let body = |text: &str| serde_json::from_str::<Value>(text).unwrap()["body"].as_str().map(str::to_owned);
    events.iter().filter_map(|event| body(event.pdu.content_str())).collect()
}

/// Waits; the days go on, as what is looked at once a day may just have been looked at.
async fn until(world: &World, what: impl Fn() -> bool) {
    for tries in 1.. {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        if tries % 500 == 0 {
            world.clock.advance(DAY_MS);
        }
    }
}

#[tokio::test]
async fn each_room_keeps_what_it_says_or_what_is_usual() {
    let world = forgetful(Retention { usual_ms: Some(10 * DAY_MS), by_room: true });
    let alice = user("alice");
    let mut rooms = Vec::new();
    for _ in 0..60 {
        rooms.push(world.public_room(&alice, RoomVersion::V12).await);
    }
    let (usual, short, long) = (&rooms[0], &rooms[1], &rooms[59]);
    // A room may not purge what was said an hour ago.
    set(short, &alice, "m.room.retention", "", json!({ "max_lifetime": 1 })).await.unwrap();
    set(long, &alice, "m.room.retention", "", json!({ "max_lifetime": 100 * DAY_MS })).await.unwrap();
    for number in 0..600 {
        say(usual, &alice, &format!("old {number}")).await.unwrap();
    }
    for room in [short, long] {
        say(room, &alice, "old").await.unwrap();
    }
    world.clock.advance(5 * DAY_MS);
    for room in [usual, short, long] {
        say(room, &alice, "new").await.unwrap();
    }
    let mut timers = Timers::new(world.rooms.store().clone(), world.clock.clone());
    world.rooms.handle_timers(&mut timers);
    let _ticking = timers.start();
    world.rooms.begin_to_retain().await.unwrap();
    world.clock.advance(DAY_MS);
    until(&world, || bodies(short) == ["new"]).await;
    assert_eq!(bodies(usual).len(), 601);
    world.clock.advance(5 * DAY_MS);
    until(&world, || bodies(usual) == ["new"]).await;
    assert_eq!(bodies(long), ["old", "new"]);
    // State stays whatever its age, and what comes goes on from there.
    assert!(usual.state_event("m.room.create", "").unwrap().is_some());
    say(usual, &alice, "more").await.unwrap();
    assert_eq!(bodies(usual), ["new", "more"]);
    world.assert_sound();
}

#[tokio::test]
async fn nothing_goes_where_nothing_is_said() {
    let world = forgetful(Retention::default());
    let room = world.public_room(&user("alice"), RoomVersion::V12).await;
    set(&room, &user("alice"), "m.room.retention", "", json!({ "max_lifetime": 1 })).await.unwrap();
    world.rooms.begin_to_retain().await.unwrap();
    let view = world.rooms.store().view();
    let timers = view.scan(&schema::TIMERS, Scan::all());
    assert_eq!(timers.count(), 0);
}
