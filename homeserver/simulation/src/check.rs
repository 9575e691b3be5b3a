//! What must be true at the end of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use hearth_rooms::Event;
use hearth_storage::schema::rooms::{Membership, Standing};
use ruma::{EventId, RoomId};
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
    name: String,
    /// Those with users who are joined.
    servers: BTreeSet<String>,
    extremities: BTreeSet<String>,
    state: BTreeMap<(String, String), String>,
}

/// Everything that is not as it must be.
pub async fn at_the_end(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    let rooms = world.done.rooms.lock().clone();
    for room in rooms {
        findings.extend(comes_to_the_same(world, &room).await);
    }
    findings.extend(views_are_right(world).await);
    findings.extend(nothing_is_lost(world));
    findings.extend(redacted_is_redacted(world));
    findings.extend(reactions_are_made_once(world));
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
        seen = world.hosts.iter().filter_map(|host| seen_by(host, room).transpose()).collect::<Vec<_>>();
        if agree(&seen) {
            return None;
        }
    }
    Some(format!("{room} is not the same everywhere: {seen:#?}"))
}

/// Whether servers that take each other to be in the room see the same. (Where clocks are wrong, a server may be out of
/// a room by its state and not know it: nobody tells it any more.)
fn agree(seen: &[Result<Seen, String>]) -> bool {
    seen.iter().all(|one| match one {
        Err(_) => false,
        Ok(one) => seen.iter().flatten().all(|other| {
            let know_each_other = one.servers.contains(&other.name) && other.servers.contains(&one.name);
            !know_each_other || (&one.extremities, &one.state) == (&other.extremities, &other.state)
        }),
    })
}

/// A room as a server sees it that has a user in it.
fn seen_by(host: &Host, room: &str) -> Result<Option<Seen>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let running = host.running().ok_or("it does not run")?;
    let rooms = &running.server.rooms;
    let id = RoomId::parse(room).map_err(|error| told(&error))?;
    let Some(room) = rooms.find_room(&id).map_err(|error| told(&error))? else { return Ok(None) };
    let members = room.members().map_err(|error| told(&error))?;
    let joined = members.iter().filter(|(_, row)| row.membership == Membership::Join);
    let servers: BTreeSet<_> = joined.map(|(user, _)| user.server_name().to_string()).collect();
    if !servers.contains(host.name.as_str()) {
        return Ok(None);
    }
    let head = room.head();
    let ends = rooms.events(&head.extremities).map_err(|error| told(&error))?;
    let state = room.full_state(head.state).map_err(|error| told(&error))?;
    Ok(Some(Seen {
        name: host.name.to_string(),
        servers,
        extremities: ends.iter().map(|event| event.id().to_string()).collect(),
        state: state
            .iter()
            .map(|event| {
                let key = event.pdu.state_key().unwrap_or_default().to_owned();
                ((event.pdu.type_str().to_owned(), key), event.id().to_string())
            })
            .collect(),
    }))
}

/// What was acknowledged is there.
fn nothing_is_lost(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, room, event) in &*world.done.acknowledged.lock() {
        let client = &world.clients[*number];
        if event_of(&client.host, event).is_none() {
            findings.push(format!("{event} of {} in {room} was acknowledged and is lost", client.user));
        }
    }
    for (number, message) in &*world.done.told.lock() {
        let client = &world.clients[*number];
        let times = client.view().told.iter().filter(|told| *told == message).count();
        if times != 1 {
            findings.push(format!("{message} was told {times} times to {}", client.user));
        }
    }
    findings
}

/// Wherever an event is together with a redaction of it, it is redacted.
fn redacted_is_redacted(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    for (redaction, id) in &*world.done.redacted.lock() {
        for host in &world.hosts {
            let (redaction, event) = (event_of(host, redaction), event_of(host, id));
            let counts = redaction.is_some_and(|redaction| redaction.standing == Standing::Accepted);
            if counts && event.is_some_and(|event| event.redacted_by.is_none()) {
                findings.push(format!("{id} is not redacted at {}", host.address));
            }
        }
    }
    findings
}

/// Of several equal reactions one was accepted.
fn reactions_are_made_once(world: &World) -> Vec<String> {
    let annotations = world.done.annotations.lock();
    let many = annotations.iter().filter(|(_, events)| events.len() > 1);
    many.map(|((user, to), events)| format!("{user} reacts to {to} alike in {events:?}")).collect()
}

fn event_of(host: &Host, event: &str) -> Option<Arc<Event>> {
    let running = host.running()?;
    let id = EventId::parse(event).ok()?;
    running.server.rooms.event_by_id(&id).ok()?
}

/// What clients know by `/sync` or sliding sync is what somebody sees who comes new.
async fn views_are_right(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    for client in &world.clients {
        // What it is about to be told.
        client.sync(Duration::ZERO).await;
        client.slide(Duration::ZERO, true).await;
        if client.was_forgotten.load(Relaxed) {
            findings.push(format!("the position of {} in a sliding sync was not known", client.user));
        }
        match client.fresh_view().await {
            Some(fresh) => {
                let mut wrong = client.view().differences(&fresh);
                wrong.extend(client.by_windows().differences(&fresh));
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
