//! What must be true at the end of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use http::{Method, StatusCode};
use ruma::RoomId;
use tokio::time::sleep;

use crate::{host::Host, simulation::World};

/// How often it is looked whether all servers have come to the same, and how often it is waited in vain.
const LOOK: Duration = Duration::from_secs(60);
const LOOKS: u64 = 24 * 60;
/// How often somebody says something meanwhile, so that servers hear what they miss.
const REMIND: u64 = 10;

/// A room as a server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    extremities: BTreeSet<String>,
    state: BTreeMap<(String, String), String>,
}

/// Everything that is not as it must be.
pub async fn at_the_end(world: &World, rooms: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    for room in rooms {
        if let Some(finding) = comes_to_the_same(world, room).await {
            findings.push(finding);
        }
    }
    findings.extend(nothing_is_lost(world).await);
    findings.extend(views_are_right(world).await);
    for host in &world.hosts {
        findings.extend(is_sound(host));
    }
    findings
}

/// All servers come to the same state of a room.
async fn comes_to_the_same(world: &World, room: &str) -> Option<String> {
    let mut seen = Vec::new();
    for look in 0..LOOKS {
        if look % REMIND == 0 {
            for (number, client) in world.clients.iter().enumerate() {
                client.say(room, &format!("end-{look}-{number}"), "Is everybody there?").await;
            }
        }
        sleep(LOOK).await;
        seen = world.hosts.iter().map(|host| seen_by(host, room)).collect();
        if seen.windows(2).all(|two| two[0].is_ok() && two[0] == two[1]) {
            return None;
        }
    }
    Some(format!("{room} is not the same everywhere: {seen:#?}"))
}

fn seen_by(host: &Host, room: &str) -> Result<Seen, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let running = host.running().ok_or("it does not run")?;
    let rooms = &running.server.rooms;
    let room =
        rooms.room(&RoomId::parse(room).map_err(|error| told(&error))?).map_err(|error| told(&error))?;
    let head = room.head();
    let ends = rooms.events(&head.extremities).map_err(|error| told(&error))?;
    let state = room.full_state(head.state).map_err(|error| told(&error))?;
    Ok(Seen {
        extremities: ends.iter().map(|event| event.id().to_string()).collect(),
        state: state
            .iter()
            .map(|event| {
                let key = event.pdu.state_key().unwrap_or_default().to_owned();
                ((event.pdu.type_str().to_owned(), key), event.id().to_string())
            })
            .collect(),
    })
}

/// What was acknowledged is there.
async fn nothing_is_lost(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    let acknowledged = world.done.acknowledged.lock().clone();
    for (number, room, event) in acknowledged {
        let client = &world.clients[number];
        let path = format!("/_matrix/client/v3/rooms/{room}/event/{event}");
        match client.ask(Method::GET, &path, None).await {
            Some((StatusCode::OK, _)) => {}
            answer => {
                findings.push(format!("{event} of {} was acknowledged and is lost: {answer:?}", client.user))
            }
        }
    }
    findings
}

/// What clients know by `/sync` is what somebody sees who comes new.
async fn views_are_right(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    for client in &world.clients {
        // What it is about to be told.
        client.sync(Duration::ZERO).await;
        match client.fresh_view().await {
            Some(fresh) => {
                let wrong = client.view().differences(&fresh);
                findings
                    .extend(wrong.into_iter().map(|what| format!("{} is told wrong: {what}", client.user)));
            }
            None => findings.push(format!("{} gets no first sync", client.user)),
        }
    }
    findings
}

/// All that is stored agrees with itself.
fn is_sound(host: &Host) -> Vec<String> {
    let Some(running) = host.running() else { return vec![format!("{} does not run", host.address)] };
    match hearth_rooms::check(&running.server.store, |_| {}) {
        Ok(report) => {
            report.findings.iter().map(|finding| format!("{}: {finding:?}", host.address)).collect()
        }
        Err(error) => vec![format!("{} cannot be checked: {error}", host.address)],
    }
}
