//! Events whose place in the graph is a lie: what they follow is missing, without end, or runs in circles.

use std::collections::HashMap;

use hearth_spec::RoomVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    forgery::Forgery,
    peer::{Asked, Reply},
    report::Bounds,
    world::World,
};

/// How many ends the hostile server gives the room.
const EXTREMITIES: usize = 1000;
/// How many events a transaction may have.
const AT_ONCE: usize = 50;

pub async fn all(world: &World) {
    let some = Bounds::QUIET.requests(8);
    world.attack("a prev event that nobody has", some, missing).await;
    world.attack("a chain of missing events without end", some.requests(20), endless_chain).await;
    world.attack("circles of prev and auth events", some.requests(30), circles).await;
    world.attack("a missing event that is another than asked for", some, other_missing).await;
    world.attack("a state of its own, and of another room", some, other_state).await;
    world.attack("50 events, each on auth events that are missing", some, missing_auth).await;
    // What joins the ends is not sent to everybody: whoever misses it asks.
    let many = some.seconds(40);
    world.attack("1,000 messages on one, all of them ends", many, message_extremities).await;
    world.attack("1,000 state events on one, all of them ends", many, state_extremities).await;
}

fn nobodys(name: &str) -> String {
    format!("${name:a>43}")
}

async fn missing(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let message = hostile.draft(victim, room, "m.room.message", json!({ "body": "what?" })).await;
    let orphan = hostile.seal(message.after(&[nobodys("missing")]));
    let told = world.send(&[&orphan]).await.remove(0);
    assert!(told.contains("could be fetched"), "{told}");
    assert!(!world.is_shown(room, &orphan).await);
    told
}

async fn missing_auth(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let draft = hostile.draft(victim, room, "m.room.message", json!({ "body": "who says so?" })).await;
    let orphan = |number: usize| draft.clone().authorised_by(&[nobodys(&number.to_string())]);
    let orphans: Vec<Forgery> = (0..AT_ONCE).map(|number| hostile.seal(orphan(number))).collect();
    let told = world.send(&orphans.iter().collect::<Vec<_>>()).await;
    assert!(told.iter().all(|told| told.contains("could not be fetched")), "{told:?}");
    told.into_iter().next().unwrap()
}

/// In a room of version 1 the hostile server chooses the ids, and so can make up each event when it is asked.
async fn endless_chain(world: &World) -> String {
    let World { hostile, victim, .. } = world;
    let room = world.another_room(hostile, RoomVersion::V1).await;
    let link = hostile.draft(victim, &room, "m.room.message", json!({ "body": "again" })).await;
    let (name, key) = (hostile.name.clone(), hostile.key.clone());
    let event = move |number: u64| {
        let id = |number: u64| format!("$link{number}:{name}");
        let event = link.clone().with("event_id", id(number)).after(&[id(number + 1)]);
        event.hashed().signed(&name, &key)
    };
    let last = event(0);
    hostile.answers(move |asked| {
        let asked_for = asked.body["latest_events"][0].as_str()?;
        let number: u64 = asked_for.strip_prefix("$link")?.split(':').next()?.parse().ok()?;
        let events: Vec<Value> = (number + 1..number + 1000).map(|number| event(number).json()).collect();
        Some(Reply::Json(json!({ "events": events })))
    });
    let told = world.send(&[&last]).await.remove(0);
    assert!(told.contains("could be fetched"), "{told}");
    assert!(!world.is_shown(&room, &last).await);
    told
}

/// Two that follow each other, two that authorise each other, and one that does both with itself.
async fn circles(world: &World) -> String {
    let World { hostile, victim, .. } = world;
    let room = world.another_room(hostile, RoomVersion::V1).await;
    let draft = hostile.draft(victim, &room, "m.room.topic", json!({ "topic": "round" })).await.state("");
    let id = |name: &str| format!("${name}:{}", hostile.name);
    let event = |name: &str| draft.clone().with("event_id", id(name));
    let circles = [
        event("a").after(&[id("b")]),
        event("b").after(&[id("a")]),
        event("c").authorised_by(&[id("d")]),
        event("d").authorised_by(&[id("c")]),
        event("e").after(&[id("e")]).authorised_by(&[id("e")]),
    ]
    .map(|event| hostile.seal(event));
    hostile.answers({
        let events: Vec<Value> = circles.iter().map(Forgery::json).collect();
        move |asked| of_room(asked, &events)
    });
    let mut all = world.send(&circles.each_ref()).await;
    for circle in &circles {
        // One at a time the others must be asked for.
        all.extend(world.send(&[circle]).await);
        assert!(!world.is_shown(&room, circle).await);
    }
    assert!(all.iter().all(|told| !["taken in", "left out"].contains(&&**told)), "{all:?}");
    all.remove(0)
}

/// Gives all events, whatever is asked.
fn of_room(asked: &Asked, events: &[Value]) -> Option<Reply> {
    let ids: Vec<&Value> = events.iter().map(|event| &event["event_id"]).collect();
    let path = asked.path.split('/').nth(4)?;
    Some(Reply::Json(match path {
        "get_missing_events" => json!({ "events": events }),
        "event_auth" => json!({ "auth_chain": events }),
        "event" => json!({ "origin": "x", "origin_server_ts": 1, "pdus": [events[0]] }),
        "state" => json!({ "pdus": events, "auth_chain": events }),
        "state_ids" => json!({ "pdu_ids": ids, "auth_chain_ids": ids }),
        _ => return None,
    }))
}

async fn other_missing(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let other = hostile.message(victim, room, "smuggled").await;
    let message = hostile.draft(victim, room, "m.room.message", json!({ "body": "what?" })).await;
    let orphan = hostile.seal(message.after(&[nobodys("other")]));
    hostile.answers({
        let other = other.json();
        move |asked| {
            asked.path.contains("get_missing_events").then(|| Reply::Json(json!({ "events": [other] })))
        }
    });
    let told = world.send(&[&orphan]).await.remove(0);
    assert!(told.contains("could be fetched"), "{told}");
    assert!(!world.is_shown(room, &other).await);
    told
}

/// A state without power levels, in which everybody may do everything. By what it says of itself the event is
/// allowed; by what the room is now it is not: it is soft-failed.
async fn other_state(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let elsewhere = world.another_room(hostile, RoomVersion::V12).await;
    let there = hostile.draft(victim, &elsewhere, "m.room.message", json!({})).await.auth_events();
    let draft = hostile.draft(victim, room, "m.room.topic", json!({ "topic": "mine" })).await.state("");
    let member = world.member_event(room, &room.mallory).await;
    let topic = draft.after(&[nobodys("elsewhere")]).authorised_by(std::slice::from_ref(&member));
    let topic = hostile.seal(topic);
    let mut state = vec![room.id.replacen('!', "$", 1), member];
    state.extend(there);
    hostile.answers(move |asked| {
        let ids = asked.path.contains("/state_ids/");
        ids.then(|| Reply::Json(json!({ "pdu_ids": state, "auth_chain_ids": [] })))
    });
    let told = world.send(&[&topic]).await.remove(0);
    assert!(!world.is_shown(room, &topic).await);
    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic", room.id);
    assert_eq!(victim.call(Method::GET, &path, Some(&world.alice), None).await.0, 404);
    format!("{told}, and not shown")
}

async fn message_extremities(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let draft = hostile.draft(victim, room, "m.room.message", json!({})).await;
    let end = |number: usize| draft.clone().with("content", json!({ "body": number.to_string() }));
    extremities(world, end).await
}

async fn state_extremities(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let draft = hostile.draft(victim, room, "m.room.member", json!({})).await.state(&room.mallory);
    let end = |number: usize| {
        let content = json!({ "membership": "join", "displayname": number.to_string() });
        draft.clone().with("content", content)
    };
    extremities(world, end).await
}

/// Sends very many events that all follow the same.
async fn extremities(world: &World, end: impl Fn(usize) -> Forgery) -> String {
    let mut told: HashMap<String, usize> = HashMap::new();
    let ends: Vec<Forgery> = (0..EXTREMITIES).map(|number| world.hostile.seal(end(number))).collect();
    for some in ends.chunks(AT_ONCE) {
        for told_of_one in world.send(&some.iter().collect::<Vec<_>>()).await {
            *told.entry(told_of_one).or_default() += 1;
        }
    }
    assert_eq!(told.get("taken in"), Some(&EXTREMITIES), "{told:?}");
    format!("{EXTREMITIES} taken in")
}
