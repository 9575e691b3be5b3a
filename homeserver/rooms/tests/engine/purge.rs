//! Purged events, and what is deleted with them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hearth_rooms::{Received, Room, TimelineRange};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::{Scan, TimelineOrder, schema};
use ruma::UserId;
use serde_json::{Map, json};

use crate::world::*;

fn bodies(room: &Room) -> Vec<String> {
    let events = room.timeline(TimelineRange { limit: 1_000, ..Default::default() }).unwrap();
    let body =
        |text: &str| Some(serde_json::from_str::<Map<_, _>>(text).ok()?.get("body")?.as_str()?.to_owned());
    events.iter().filter_map(|event| body(event.pdu.content_str())).collect()
}

fn nodes(world: &World) -> usize {
    world.rooms.store().view().scan(&schema::STATE_NODES, Scan::all()).count()
}

#[tokio::test]
async fn what_is_purged_is_known_and_gone_and_never_fetched_again() {
    for version in [RoomVersion::V1, RoomVersion::V12] {
        let world = world();
        let (alice, bob) = (user("alice"), far("bob"));
        let room = world.public_room(&alice, version).await;
        let levels = json!({ "users": { alice.as_str(): 100 }, "users_default": 50 });
        let levels = if version == RoomVersion::V12 { json!({ "users_default": 50 }) } else { levels };
        set(&room, &alice, "m.room.power_levels", "", levels).await.unwrap();
        let keys = [("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.join_rules", "")];
        let state = |keys: &[(&str, &str)]| -> Vec<_> {
            let keys = keys.iter().filter(|(key, _)| *key != "m.room.create" || version != RoomVersion::V12);
            keys.map(|(key, name)| room.state_event(key, name).unwrap().unwrap()).collect()
        };
        let last = say(&room, &alice, "before").await.unwrap();
        let join = Elsewhere { room: &room, sender: &bob, prev: &[&last], auth: &state(&keys) };
        let join = join.make("m.room.member", Some(bob.as_str()), json!({ "membership": "join" }));
        let Received::Accepted(join) = room.receive(join).await.unwrap() else { panic!("not joined") };
        let auth = state(&[keys[0], keys[1], ("m.room.member", bob.as_str())]);
        let from_bob =
            |body: &str, prev: &hearth_rooms::Event| {
                let mut template = Elsewhere { room: &room, sender: &bob, prev: &[prev], auth: &auth }
                    .template("m.room.message", None, json!({ "body": body }));
                template.event_id_localpart = template.event_id_localpart.map(|_| body.to_owned());
                Elsewhere { room: &room, sender: &bob, prev: &[], auth: &[] }.seal(template)
            };
        let old = from_bob("old", &join);
        let Received::Accepted(event) = room.receive(old.clone()).await.unwrap() else { panic!("refused") };
        set(&room, &alice, "m.room.name", "", json!({ "name": "one" })).await.unwrap();
        set(&room, &alice, "m.room.name", "", json!({ "name": "two" })).await.unwrap();
        let kept = say(&room, &alice, "kept").await.unwrap();

        assert!(room.purge_before(kept.order().unwrap()).await.unwrap() > 5);
        assert_eq!(room.purge_before(kept.order().unwrap()).await.unwrap(), 0);
        let world = open(world.engine.crash());
        let room = world.rooms.room(room.id()).unwrap();
        assert_eq!(bodies(&room), ["kept"]);
        assert!(room.event(event.id()).unwrap().is_none());
        assert!(room.is_known(event.id()).unwrap());
        assert!(matches!(room.receive(old.clone()).await.unwrap(), Received::Purged));
        // State is there as before.
        assert_eq!(room.summary().unwrap().name.as_deref(), Some("two"));
        assert!(room.is_joined(&bob).unwrap());
        assert_eq!(room.gap_within(None, TimelineOrder::MAX).unwrap(), None);

        // An event that follows it comes with the state there, and nothing is missing before it.
        let late = Pdu::parse(version, from_bob("late", &event).text()).unwrap();
        let Received::Missing { prev_events, .. } = room.receive(late.clone()).await.unwrap() else {
            panic!("the state there is known no more")
        };
        assert_eq!(prev_events, [event.id()]);
        let ids: Vec<_> = room.full_state(room.head().state).unwrap();
        let ids: Vec<_> = ids.iter().map(|event| event.id().to_owned()).collect();
        assert!(matches!(room.receive_with_state(late, &ids).await.unwrap(), Received::Accepted(_)));
        assert_eq!(room.gap_within(None, TimelineOrder::MAX).unwrap(), None);
        say(&room, &alice, "after").await.unwrap();
        world.assert_sound();
        world.rooms.sweep_states().unwrap().unwrap();
        world.assert_sound();
        assert_eq!(bodies(&room), ["kept", "late", "after"]);
    }
}

async fn name(room: &Room, who: &UserId, name: &str) {
    set(room, who, "m.room.name", "", json!({ "name": name })).await.unwrap();
}

#[tokio::test]
async fn nodes_are_swept_while_others_are_made_and_made_anew() {
    let world = world();
    let alice = user("alice");
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let room = world.public_room(&alice, RoomVersion::V11).await;
        // More than one leaf.
        for n in 0..80 {
            set(&room, &alice, "m.test", &n.to_string(), json!({ "n": n })).await.unwrap();
        }
        rooms.push(room);
    }
    let done = Arc::new(AtomicBool::new(false));
    let sweeper = {
        let (rooms, done) = (world.rooms.clone(), done.clone());
        std::thread::spawn(move || {
            let mut swept = 0;
            while !done.load(Ordering::Relaxed) {
                swept += rooms.sweep_states().unwrap().unwrap();
            }
            swept
        })
    };
    for round in 0..30 {
        for room in &rooms {
            // Sets that were there before, and whose nodes may just be deleted.
            name(room, &alice, "a").await;
            name(room, &alice, "b").await;
            set(room, &alice, "m.test", &(round % 7).to_string(), json!({ "round": round })).await.unwrap();
            let end = room.head().position.into();
            room.purge_before(end).await.unwrap();
        }
    }
    done.store(true, Ordering::Relaxed);
    assert!(sweeper.join().unwrap() > 0);
    world.assert_sound();
    let before = nodes(&world);
    world.rooms.sweep_states().unwrap().unwrap();
    assert!(nodes(&world) <= before);
    world.assert_sound();
    // What is left is about what the sets that are in use take: the current one, and that before the newest event.
    assert!(nodes(&world) < 200, "{} nodes are left", nodes(&world));
    let again = open(world.engine.crash());
    for room in &rooms {
        let room = again.rooms.room(room.id()).unwrap();
        assert!(room.full_state(room.head().state).unwrap().len() > 80);
        name(&room, &alice, "after").await;
    }
    again.assert_sound();
}

#[tokio::test]
async fn numbers_are_not_given_twice_though_the_newest_rows_are_gone() {
    let world = world();
    let alice = user("alice");
    let room = world.public_room(&alice, RoomVersion::V11).await;
    set(&room, &alice, "m.gone", "", json!({})).await.unwrap();
    let key = world.rooms.store().view().get(&schema::STATE_KEYS, ("m.gone", "")).unwrap().unwrap();
    let (nid, last) = (room.nid(), say(&room, &alice, "last").await.unwrap().nid);
    let commit = {
        let mut tx = world.rooms.store().begin().unwrap();
        tx.delete(&schema::EVENTS, (last,));
        tx.delete(&schema::ROOMS, (nid,));
        tx.delete(&schema::STATE_KEYS, ("m.gone", ""));
        tx.delete(&schema::STATE_KEY_NAMES, (key,));
        tx.submit()
    };
    commit.await.unwrap();
    let world = open(world.engine.crash());
    let room = world.public_room(&alice, RoomVersion::V11).await;
    assert!(room.nid() > nid);
    let event = set(&room, &alice, "m.new", "", json!({})).await.unwrap();
    assert!(event.nid > last);
    let row = world.rooms.store().view().get(&schema::STATE_KEYS, ("m.new", "")).unwrap();
    assert!(row.unwrap() > key);
}
