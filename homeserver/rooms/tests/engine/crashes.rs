//! The power is cut in the middle of writes, from a seed, while people write to rooms.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_spec::RoomVersion;
use hearth_storage::{Faults, MemoryEngine};
use rand::{Rng, SeedableRng, rngs::StdRng};
use ruma::UserId;
use serde_json::{Map, json};

use crate::world::*;

const SEEDS: u64 = 1_000;

/// Writes to a room until the power is gone; what was acknowledged.
async fn live(room: Room, user: ruma::OwnedUserId, seed: u64) -> Vec<Arc<Event>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut acknowledged = Vec::new();
    for n in 0..40 {
        let written = match random.random_range(0..6) {
            0 => set(&room, &user, "m.room.topic", "", json!({ "topic": format!("{n} {seed}") })).await,
            1 => {
                let name = json!({ "membership": "join", "displayname": format!("{n}") });
                set(&room, &user, "m.room.member", user.as_str(), name).await
            }
            2 => room.set_membership(&user, &guest(n), "invite", Map::new()).await,
            _ => say(&room, &user, &format!("{n}")).await,
        };
        match written {
            Ok(event) => acknowledged.push(event),
            Err(_) => break,
        }
    }
    acknowledged
}

fn guest(n: u32) -> ruma::OwnedUserId {
    UserId::parse(format!("@guest{n}:here")).unwrap()
}

#[tokio::test]
async fn rooms_are_sound_after_every_loss_of_power() {
    let (mut survived, mut cut) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = StdRng::seed_from_u64(seed);
        let engine = MemoryEngine::new();
        let before = open(engine.clone());
        let alice = user("alice");
        let rooms = [
            before.public_room(&alice, RoomVersion::V12).await,
            before.public_room(&alice, RoomVersion::V10).await,
        ];
        let at = random.random_range(1..60);
        engine.set_faults(Faults { seed, lose_power_in_write: Some(at), ..Faults::default() });
        let (one, two, three) = tokio::join!(
            live(rooms[0].clone(), alice.clone(), seed),
            live(rooms[1].clone(), alice.clone(), seed + 1),
            live(rooms[0].clone(), alice.clone(), seed + 2),
        );
        cut += u64::from(before.rooms.store().is_stopped().is_some());
        let after = open(engine.crash());
        for event in one.into_iter().chain(two).chain(three) {
            let there = after.rooms.event_by_id(event.id()).unwrap();
            assert!(there.is_some(), "seed {seed}: {} was acknowledged and is lost", event.id());
            survived += 1;
        }
        let report = hearth_rooms::check(after.rooms.store(), |_| {}).unwrap();
        assert_eq!(report.findings, [], "seed {seed}");
        let room = after.rooms.room(rooms[0].id()).unwrap();
        say(&room, &alice, "on we go").await.unwrap();
    }
    assert!(cut > SEEDS / 2 && survived > SEEDS, "{cut} cuts, {survived} events: too little happened");
}
