//! Answers that come slowly or not at all. Each takes as long as the victim has patience: they run beside the
//! rest, each with a hostile server and a room of its own.

use std::time::{Duration, Instant};

use hearth_spec::RoomVersion;
use reqwest::Method;
use serde_json::json;

use crate::{
    peer::{Peer, Reply},
    report::Bounds,
    world::{World, outcome},
};

pub async fn all(world: &World) {
    let hostile = async || world.another_hostile().await;
    let (dripping, silent, keyless, resident) = tokio::join!(hostile(), hostile(), hostile(), hostile());
    // What memory they take is lost in what the others do.
    let bounds = Bounds::QUIET.requests(10).memory_mib(u64::MAX).seconds(45);
    let drip = missing_events(world, &dripping, || Reply::Drip);
    let silence = missing_events(world, &silent, || Reply::Silence);
    tokio::join!(
        world.attack_by(&dripping, "missing events, a byte a second", bounds, drip),
        world.attack_by(&silent, "missing events that never come", bounds, silence),
        world.attack_by(&keyless, "keys, a byte a second", bounds, keys(world, &keyless)),
        world.attack_by(&resident, "a room to join, a byte a second", bounds, join(world, &resident)),
    );
}

/// While the victim waits for what an event follows, the room goes on.
async fn missing_events(world: &World, hostile: &Peer, reply: fn() -> Reply) -> String {
    let room = world.another_room(hostile, RoomVersion::V12).await;
    let draft = hostile.draft(&world.victim, &room, "m.room.message", json!({ "body": "slow" })).await;
    let orphan = hostile.seal(draft.after(&[format!("${:f>43}", "slow")]));
    hostile.answers(move |asked| {
        let missing = asked.path.contains("/get_missing_events/") || asked.path.contains("/state_ids/");
        missing.then(reply)
    });
    let meanwhile = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.all_is_well(&room).await;
        }
    };
    let pdus = [orphan.json()];
    let (answer, ()) = tokio::join!(hostile.transaction(&world.victim, &pdus, &[]), meanwhile);
    let told = outcome(&answer, &orphan.id());
    assert!(told.contains("could be fetched"), "{told}");
    told
}

/// A server of which nothing is known but its name.
async fn keys(world: &World, hostile: &Peer) -> String {
    hostile.answers(|_| Some(Reply::Drip));
    let answer = hostile.transaction(&world.victim, &[], &[]).await;
    assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"));
    // At once, as it was tried just now.
    let begun = Instant::now();
    hostile.transaction(&world.victim, &[], &[]).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    "401 M_UNAUTHORIZED".to_owned()
}

/// Large rooms may take minutes, but not at that pace: who else wants to join the room waits as long.
async fn join(world: &World, hostile: &Peer) -> String {
    hostile.answers(|asked| {
        if asked.path.contains("/make_join/") {
            let event = json!({ "prev_events": [], "auth_events": [], "depth": 9 });
            return Some(Reply::Json(json!({ "room_version": "11", "event": event })));
        }
        asked.path.contains("/send_join/").then_some(Reply::Drip)
    });
    let path = format!("/_matrix/client/v3/join/!slow:{0}?via={0}", hostile.name);
    let (status, told) = world.victim.call(Method::POST, &path, Some(&world.alice), Some(json!({}))).await;
    assert_eq!(status, 502, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

/// A hostile server gives its keys to the victim, which lets it into the room, but not to the honest server. What it
/// does there holds up for a moment what the victim sends, and then no more.
pub async fn withheld_keys(world: &World) {
    let hostile = world.another_hostile().await;
    let attack = async {
        hostile.transaction(&world.victim, &[], &[]).await;
        hostile.answers(|asked| asked.path.contains("/key/").then_some(Reply::Silence));
        let room = hostile.join(&world.victim, &world.room.id, world.room.version).await;
        let mut longest = Duration::ZERO;
        for _ in 0..5 {
            let message = hostile.message(&world.victim, &room, "who?").await;
            hostile.transaction(&world.victim, &[message.json()], &[]).await;
            longest = longest.max(world.all_is_well(&room).await);
        }
        format!("taken in; the others heard of each other after {} ms at most", longest.as_millis())
    };
    let bounds = Bounds::QUIET.requests(4).seconds(15);
    world.attack_by(&hostile, "keys withheld from the honest server", bounds, attack).await;
}
