//! What the log tells is enough: indexes made from nothing but the log are what the tables say.

use std::collections::{BTreeMap, BTreeSet};

use hearth_rooms::{ClientTransaction, CreateRoom, NewEvent, Preset, Rooms};
use hearth_spec::RoomVersion;
use hearth_storage::{Change, EventNid, RoomNid, Scan, View, schema};
use rand::{Rng, SeedableRng, rngs::StdRng};
use ruma::{EventId, OwnedEventId, OwnedRoomAliasId, OwnedUserId, RoomAliasId};
use serde_json::{Map, json, value::to_raw_value};

use crate::world::*;

/// Some of what a search, a directory and the like would keep.
#[derive(PartialEq, Debug, Default)]
struct Indexes {
    timelines: BTreeSet<(RoomNid, EventNid)>,
    redacted: BTreeSet<EventNid>,
    members: BTreeMap<(RoomNid, OwnedUserId), EventNid>,
    /// (room, event type, state key).
    state: BTreeMap<(RoomNid, String, String), OwnedEventId>,
    aliases: BTreeMap<OwnedRoomAliasId, OwnedUserId>,
    published: BTreeSet<RoomNid>,
}

impl Indexes {
    /// As the tables are.
    fn read(rooms: &Rooms, view: &View) -> Self {
        let mut all = Self::default();
        for row in view.scan(&schema::TIMELINE, Scan::all()) {
            let ((room, _), event) = row.unwrap();
            all.timelines.insert((room, event));
        }
        for row in view.scan(&schema::EVENTS, Scan::all()) {
            let ((event,), row) = row.unwrap();
            all.redacted.extend(row.redacted_by.map(|_| event));
        }
        for row in view.scan(&schema::MEMBERSHIPS, Scan::all()) {
            let (member, row) = row.unwrap();
            all.members.insert(member, row.event);
        }
        for row in view.scan(&schema::ROOM_HEADS, Scan::all()) {
            let ((nid,), head) = row.unwrap();
            for event in rooms.room_by_nid(nid).unwrap().full_state(head.state).unwrap() {
                let key = event.pdu.state_key().unwrap().to_owned();
                all.state.insert((nid, event.pdu.type_str().to_owned(), key), event.id().to_owned());
            }
        }
        for row in view.scan(&schema::ALIASES, Scan::all()) {
            let ((alias,), row) = row.unwrap();
            all.aliases.insert(alias, row.creator);
        }
        for row in view.scan(&schema::DIRECTORY, Scan::all()) {
            all.published.insert(row.unwrap().0.0);
        }
        all
    }

    /// Looks up what a change names, and nothing else.
    fn take(&mut self, rooms: &Rooms, view: &View, change: Change) {
        match change {
            Change::Event { room, event } | Change::History { room, event } => {
                self.timelines.insert((room, event));
            }
            Change::Purged { room, event } => {
                self.timelines.remove(&(room, event));
            }
            Change::Redacted { event, .. } => {
                self.redacted.insert(event);
            }
            Change::Membership { room, user, .. } => {
                self.state_changed(rooms, view, room, "m.room.member", user.as_str());
                match view.get(&schema::MEMBERSHIPS, (room, &user)).unwrap() {
                    Some(row) => self.members.insert((room, user), row.event),
                    None => self.members.remove(&(room, user)),
                };
            }
            Change::State { room, key } => {
                let name = view.get(&schema::STATE_KEY_NAMES, (key,)).unwrap().unwrap();
                self.state_changed(rooms, view, room, &name.event_type, &name.state_key);
            }
            Change::Alias { alias } => {
                match view.get(&schema::ALIASES, (&alias,)).unwrap() {
                    Some(row) => self.aliases.insert(alias, row.creator),
                    None => self.aliases.remove(&alias),
                };
            }
            Change::Directory { room } => {
                match view.contains(&schema::DIRECTORY, (room,)).unwrap() {
                    true => self.published.insert(room),
                    false => self.published.remove(&room),
                };
            }
            _ => {}
        }
    }

    fn state_changed(&mut self, rooms: &Rooms, view: &View, nid: RoomNid, event_type: &str, state_key: &str) {
        // None of a room that is not here.
        let Some(head) = view.get(&schema::ROOM_HEADS, (nid,)).unwrap() else { return };
        let key = (nid, event_type.to_owned(), state_key.to_owned());
        let room = rooms.room_by_nid(nid).unwrap();
        match room.state_event_at(head.state, event_type, state_key).unwrap() {
            Some(event) => self.state.insert(key, event.id().to_owned()),
            None => self.state.remove(&key),
        };
    }
}

/// Fails where the log, which must be whole, does not tell of something.
fn assert_told(rooms: &Rooms) {
    // What goes on in the background, as retention does, must not come between the log and the tables.
    let view = rooms.store().snapshot();
    let mut told = Indexes::default();
    for row in view.scan(&schema::LOG, Scan::all()) {
        told.take(rooms, &view, row.unwrap().1.change);
    }
    assert_eq!(told, Indexes::read(rooms, &view));
}

impl World {
    /// Everything that is stored agrees with itself, and the log tells of it.
    pub fn assert_sound(&self) {
        let report = hearth_rooms::check(self.rooms.store(), |_| {}).unwrap();
        assert_eq!(report.findings, []);
        assert_told(&self.rooms);
    }
}

#[tokio::test]
async fn indexes_made_from_the_log_alone_are_what_the_tables_say() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let world = world();
        let alice = user("alice");
        let aliases: Vec<_> = (0..3).map(|n| RoomAliasId::parse(format!("#room{n}:here")).unwrap()).collect();
        let mut rooms = Vec::new();
        for alias in &aliases[..2] {
            let request = CreateRoom {
                alias: Some(alias.clone()),
                published: random.random(),
                ..create(&alice, Preset::PublicChat, RoomVersion::V11)
            };
            let id = world.rooms.create_room(request).await.unwrap();
            rooms.push(world.rooms.room(&id).unwrap());
        }
        let mut sent: Vec<OwnedEventId> = Vec::new();
        for n in 0..60 {
            let room = &rooms[random.random_range(0..rooms.len())];
            let guest = user(&format!("guest{}", random.random_range(0..4)));
            let alias = &aliases[random.random_range(0..aliases.len())];
            // Some of it is not allowed, and changes nothing.
            match random.random_range(0..9) {
                0 => drop(set(room, &alice, "m.room.topic", "", json!({ "topic": n.to_string() })).await),
                1 => drop(world.rooms.join(room, &guest, Map::new()).await),
                2 => drop(room.set_membership(&alice, &guest, "ban", Map::new()).await),
                3 => drop(room.set_membership(&guest, &guest, "leave", Map::new()).await),
                4 => drop(world.rooms.set_alias(alias, room, &guest).await),
                5 => drop(world.rooms.delete_alias(alias).await),
                6 => world.rooms.set_published(room, random.random()).await.unwrap(),
                7 if !sent.is_empty() => {
                    let target: &EventId = &sent[random.random_range(0..sent.len())];
                    let content = to_raw_value(&json!({})).unwrap();
                    let mut redaction = NewEvent::message(&alice, "m.room.redaction", content);
                    redaction.redacts = Some(target.to_owned());
                    drop(room.send(redaction, None).await);
                }
                _ => {
                    let sender = if random.random() { &alice } else { &guest };
                    sent.extend(say(room, sender, "hello").await.map(|event| event.id().to_owned()));
                }
            }
        }
        assert!(!sent.is_empty());
        world.assert_sound();
    }
}

#[tokio::test]
async fn transaction_ids_are_forgotten_after_two_days() {
    let world = world();
    let mut timers = hearth_storage::timers::Timers::new(world.rooms.store().clone(), world.clock.clone());
    world.rooms.handle_timers(&mut timers);
    let _ticking = timers.start();
    let alice = user("alice");
    let room = world.public_room(&alice, RoomVersion::V11).await;
    let send = async |transaction_id: &str| {
        let content = to_raw_value(&json!({ "body": "x" })).unwrap();
        let transaction = ClientTransaction {
            user: alice.clone(),
            device: "D".into(),
            endpoint: "send".to_owned(),
            transaction_id: transaction_id.to_owned(),
        };
        let event = NewEvent::message(&alice, "m.room.message", content);
        room.send(event, Some(transaction)).await.unwrap().id().to_owned()
    };
    let kept = || {
        let view = world.rooms.store().view();
        (
            view.scan(&schema::TRANSACTIONS, Scan::all()).count(),
            view.scan(&schema::TIMERS, Scan::all()).count(),
        )
    };
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let first = send("1").await;
    for n in 0..1500 {
        send(&format!("of the first day {n}")).await;
    }
    assert_eq!(kept(), (1501, 1));
    world.clock.advance(DAY);
    assert_eq!(send("1").await, first, "it is known the next day");
    send("of the second day").await;
    assert_eq!(kept(), (1502, 2));
    world.clock.advance(DAY);
    while kept() != (1, 1) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_ne!(send("1").await, first);
}
