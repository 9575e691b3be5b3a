//! What users do.

mod actions;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http::Method;
use rand::Rng as _;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use self::actions::Action;
use crate::{
    chance,
    simulation::{World, streams},
};

/// How often each client does something.
const TIMES: usize = 25;

/// Makes a room, and everybody joins.
pub async fn prepare(world: &World) {
    // With a name, so that no members are told of with the answer to a join.
    let mut named = room();
    named["name"] = "Everybody".into();
    let (_, made) = world.clients[0].insist(Method::POST, "/_matrix/client/v3/createRoom", Some(named)).await;
    let room = made["room_id"].as_str().unwrap_or_default().to_owned();
    for client in &world.clients[1..] {
        let path = format!("/_matrix/client/v3/join/{room}?via={}", world.hosts[0].name);
        client.insist(Method::POST, &path, Some(json!({}))).await;
    }
    world.done.rooms.lock().push(room);
}

/// A room in which everybody may do everything.
fn room() -> serde_json::Value {
    let everybody = json!({ "state_default": 0, "events_default": 0, "redact": 0, "invite": 0 });
    json!({ "preset": "public_chat", "power_level_content_override": everybody })
}

/// All clients do what they do, at once.
pub async fn perform(world: &Arc<World>) {
    let mut actors = JoinSet::new();
    for number in 0..world.clients.len() {
        actors.spawn(act(world.clone(), number));
    }
    while actors.join_next().await.is_some() {}
}

async fn act(world: Arc<World>, number: usize) {
    let mut chance = chance::source(world.seed, streams::CLIENTS + number as u64);
    for _ in 0..TIMES {
        sleep(Duration::from_millis(chance.random_range(0..3000))).await;
        let rooms = world.done.rooms.lock().clone();
        let room = &rooms[chance.random_range(0..rooms.len())];
        // Some things are done at once, so that one comes while another is being written.
        let actions = (0..chance.random_range(1..=3)).map(|_| {
            let chance = chance::source(chance.random(), 0);
            Action::new(&world, number, room, chance).take()
        });
        join_all(actions.collect::<Vec<_>>()).await;
    }
}
