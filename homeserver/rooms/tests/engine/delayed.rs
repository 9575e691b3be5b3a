//! Delayed events: each is sent once, also when the server stops in between.

use hearth_rooms::{NewEvent, Preset, Room};
use hearth_spec::RoomVersion;
use hearth_storage::{
    MemoryEngine, Scan, schema,
    timers::{Ticking, Timers},
};
use serde_json::json;

use crate::world::*;

fn tick(world: &World) -> Ticking {
    let mut timers = Timers::new(world.rooms.store().clone(), world.clock.clone());
    world.rooms.handle_timers(&mut timers);
    timers.start()
}

async fn later(room: &Room, key: &str, delay: u64) -> String {
    let event = NewEvent::state_json(&user("alice"), "call", key, &json!({ "over": true })).unwrap();
    room.send_later(event, delay, None).await.unwrap()
}

fn sent(room: &Room, key: &str) -> bool {
    room.state_event("call", key).unwrap().is_some()
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

fn events(world: &World, room: &Room) -> usize {
    world.rooms.store().view().scan(&schema::TIMELINE, Scan::prefix((room.nid(),))).count()
}

#[tokio::test]
async fn they_are_kept_over_a_restart() {
    let engine = MemoryEngine::new();
    let before = open(engine.clone());
    let room = before.public_room(&user("alice"), RoomVersion::V12).await;
    let id = room.id().to_owned();
    later(&room, "soon", 1_000).await;
    later(&room, "then", 60_000).await;
    drop((room, before));

    let world = open(engine);
    let room = world.rooms.room(&id).unwrap();
    let _ticking = tick(&world);
    // The clock of the second server stands where that of the first began.
    world.clock.advance(1_000);
    until(|| sent(&room, "soon")).await;
    assert!(!sent(&room, "then"));
    world.clock.advance(59_000);
    until(|| sent(&room, "then")).await;
    assert!(hearth_rooms::check(world.rooms.store(), |_| {}).unwrap().findings.is_empty());
}

/// The timer, clients that send at once, restart and cancel: whoever is first.
#[tokio::test]
async fn one_is_sent_once_whoever_wants_it() {
    let world = world();
    let id = world.rooms.create_room(create(&user("alice"), Preset::PublicChat, RoomVersion::V12)).await;
    let room = world.rooms.room(&id.unwrap()).unwrap();
    let _ticking = tick(&world);
    let before = events(&world, &room);
    for round in 0..20 {
        let event = NewEvent::message(&user("alice"), "m.text", serde_json::from_str("{}").unwrap());
        let delay_id = room.send_later(event, 10, None).await.unwrap();
        world.clock.advance(10);
        let rooms = &world.rooms;
        let all = futures::future::join4(
            rooms.send_delayed(&delay_id),
            rooms.send_delayed(&delay_id),
            rooms.restart_delayed(&delay_id),
            rooms.send_delayed(&delay_id),
        );
        let (first, second, _, third) = all.await;
        assert!([first, second, third].iter().filter(|sent| sent.is_ok()).count() <= 1);
        until(|| rooms.delayed_events(&user("alice")).unwrap().iter().all(|event| event.row.ended.is_some()))
            .await;
        assert_eq!(events(&world, &room), before + round + 1);
    }
}
