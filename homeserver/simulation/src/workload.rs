//! What users do.

use std::{sync::Arc, time::Duration};

use http::Method;
use rand::Rng as _;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    chance,
    simulation::{World, streams},
};

/// How many things each client does.
const ACTIONS: usize = 20;

/// Makes the rooms, and everybody joins. Gives their ids.
pub async fn prepare(world: &World) -> Vec<String> {
    let body = json!({ "preset": "public_chat" });
    let path = "/_matrix/client/v3/createRoom";
    let (_, made) = world.clients[0].insist(Method::POST, path, Some(body)).await;
    let room = made["room_id"].as_str().unwrap_or_default().to_owned();
    for client in &world.clients[1..] {
        let path = format!("/_matrix/client/v3/join/{room}?via={}", world.hosts[0].name);
        client.insist(Method::POST, &path, Some(json!({}))).await;
    }
    vec![room]
}

/// All clients do what they do, at once.
pub async fn perform(world: &Arc<World>, rooms: &[String]) {
    let mut actors = JoinSet::new();
    for number in 0..world.clients.len() {
        actors.spawn(act(world.clone(), number, rooms.to_vec()));
    }
    while actors.join_next().await.is_some() {}
}

async fn act(world: Arc<World>, number: usize, rooms: Vec<String>) {
    let mut chance = chance::source(world.seed, streams::CLIENTS + number as u64);
    let client = &world.clients[number];
    for action in 0..ACTIONS {
        sleep(Duration::from_millis(chance.random_range(0..3000))).await;
        let room = &rooms[chance.random_range(0..rooms.len())];
        if let Some(event) = client.say(room, &format!("{action}"), &format!("{number}.{action}")).await {
            world.done.counts.lock().events += 1;
            world.done.acknowledged.lock().push((number, room.clone(), event));
        }
    }
}
