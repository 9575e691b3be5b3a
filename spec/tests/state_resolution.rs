//! State resolution: the cases that made its versions, and what it may not touch.

mod support;

use std::{cell::RefCell, collections::BTreeSet, convert::Infallible, sync::Arc};

use hearth_spec::{
    Pdu, RoomVersion,
    state_resolution::{Conflict, Graph, resolve},
};
use ruma::events::StateEventType;
use serde_json::json;
use support::{ALICE, BOB, CAROL, DAVE, Fork, Room, State};

/// A room of Alice's, open to all, with Bob as moderator; the event to build on.
fn open_room(version: RoomVersion) -> (Room, u32) {
    let mut room = Room::new(version);
    let mut last = room.member(0, ALICE, ALICE, "join", 1);
    let users = if version < RoomVersion::V12 { json!({ ALICE: 100, BOB: 50 }) } else { json!({ BOB: 50 }) };
    last = room.send(last, ALICE, "m.room.power_levels", "", json!({ "users": users }), 2);
    last = room.send(last, ALICE, "m.room.join_rules", "", json!({ "join_rule": "public" }), 3);
    last = room.member(last, BOB, BOB, "join", 4);
    last = room.member(last, CAROL, CAROL, "join", 5);
    (room, last)
}

fn topic(room: &mut Room, prev: u32, sender: &str, topic: &str, ts: u64) -> u32 {
    room.send(prev, sender, "m.room.topic", "", json!({ "topic": topic }), ts)
}

fn membership(room: &Room, state: &State, user: &str) -> &'static str {
    let event = room.state_event(state, "m.room.member", user);
    event.and_then(|event| event.membership()).map_or("leave", |membership| membership.as_str())
}

fn topic_of(room: &Room, state: &State) -> String {
    let event = room.state_event(state, "m.room.topic", "").expect("there is a topic");
    event.content_str().to_owned()
}

fn since_2() -> impl Iterator<Item = RoomVersion> {
    RoomVersion::ALL.into_iter().skip(1)
}

#[test]
fn a_ban_wins_over_what_the_banned_did_meanwhile() {
    for version in since_2() {
        let (mut room, last) = open_room(version);
        let banned = room.member(last, ALICE, BOB, "ban", 20);
        let meanwhile = topic(&mut room, last, BOB, "Bob was here", 10);
        for tips in [[banned, meanwhile], [meanwhile, banned]] {
            let state = room.resolve(&tips);
            assert_eq!(membership(&room, &state, BOB), "ban", "{version}");
            assert!(room.state_event(&state, "m.room.topic", "").is_none(), "{version}");
        }
    }
}

#[test]
fn of_two_power_level_changes_the_more_powerful_sender_wins() {
    for version in since_2() {
        let (mut room, last) = open_room(version);
        let base = if version < RoomVersion::V12 { json!({ ALICE: 100 }) } else { json!({}) };
        // Alice takes Bob's level away while Bob gives Carol one.
        let demoted = room.send(last, ALICE, "m.room.power_levels", "", json!({ "users": base.clone() }), 20);
        let mut users = base;
        users[BOB] = 50.into();
        users[CAROL] = 50.into();
        let promoted = room.send(last, BOB, "m.room.power_levels", "", json!({ "users": users }), 10);
        let state = room.resolve(&[demoted, promoted]);
        let key = room.keys[&("m.room.power_levels".to_owned(), String::new())];
        assert_eq!(state[&key], demoted, "{version}");
    }
}

#[test]
fn of_two_topics_the_later_wins() {
    for version in since_2() {
        let (mut room, last) = open_room(version);
        let early = topic(&mut room, last, ALICE, "early", 10);
        let late = topic(&mut room, last, BOB, "late", 11);
        for tips in [[early, late], [late, early]] {
            assert_eq!(topic_of(&room, &room.resolve(&tips)), r#"{"topic":"late"}"#, "{version}");
        }
    }
}

#[test]
fn a_topic_on_newer_power_levels_wins_over_a_later_one_on_older() {
    for version in since_2() {
        let (mut room, last) = open_room(version);
        let users =
            if version < RoomVersion::V12 { json!({ ALICE: 100, BOB: 50 }) } else { json!({ BOB: 50 }) };
        let content = json!({ "users": users, "ban": 60 });
        let levels = room.send(last, ALICE, "m.room.power_levels", "", content, 10);
        let newer = topic(&mut room, levels, ALICE, "on newer levels", 11);
        let older = topic(&mut room, last, BOB, "on older levels", 12);
        let state = room.resolve(&[newer, older]);
        assert_eq!(topic_of(&room, &state), r#"{"topic":"on newer levels"}"#, "{version}");
    }
}

#[test]
fn a_join_after_the_room_was_closed_is_undone() {
    for version in since_2() {
        let (mut room, last) = open_room(version);
        let closed = room.send(last, ALICE, "m.room.join_rules", "", json!({ "join_rule": "invite" }), 10);
        let joined = room.member(last, DAVE, DAVE, "join", 11);
        let state = room.resolve(&[closed, joined]);
        assert_eq!(membership(&room, &state, DAVE), "leave", "{version}");
        assert_eq!(membership(&room, &state, CAROL), "join", "{version}");
    }
}

/// Version 1 takes the deepest event that is allowed, whoever sent it.
#[test]
fn version_1_goes_by_depth() {
    let (mut room, last) = open_room(RoomVersion::V1);
    let shallow = topic(&mut room, last, ALICE, "shallow", 30);
    let between = room.send(last, BOB, "m.room.name", "", json!({ "name": "n" }), 10);
    let deep = topic(&mut room, between, BOB, "deep", 11);
    for tips in [[shallow, deep], [deep, shallow]] {
        let state = room.resolve(&tips);
        assert_eq!(topic_of(&room, &state), r#"{"topic":"deep"}"#);
        // What only one state has is in no conflict.
        assert!(room.state_event(&state, "m.room.name", "").is_some());
    }
}

#[test]
fn version_1_stops_at_the_first_power_levels_that_are_not_allowed() {
    let (mut room, last) = open_room(RoomVersion::V1);
    let demoted = room.send(last, ALICE, "m.room.power_levels", "", json!({ "users": { ALICE: 100 } }), 10);
    let filler = topic(&mut room, last, BOB, "filler", 11);
    let users = json!({ ALICE: 100, BOB: 50, CAROL: 50 });
    let promoted = room.send(filler, BOB, "m.room.power_levels", "", json!({ "users": users }), 12);
    // Bob's change is deeper but not allowed once Alice's holds.
    let state = room.resolve(&[promoted, demoted]);
    let key = room.keys[&("m.room.power_levels".to_owned(), String::new())];
    assert_eq!(state[&key], demoted);
}

/// Asks the fork, and notes which unconflicted keys were looked at.
struct Watched<'a> {
    fork: Fork<'a>,
    looked_at: RefCell<BTreeSet<u32>>,
    events: RefCell<BTreeSet<u32>>,
}

impl Graph for Watched<'_> {
    type Key = u32;
    type Event = u32;
    type Error = Infallible;

    fn event(&self, event: u32) -> Result<Arc<Pdu>, Infallible> {
        assert!(self.events.borrow_mut().insert(event), "an event is asked for once");
        self.fork.event(event)
    }

    fn is_rejected(&self, event: u32) -> Result<bool, Infallible> {
        self.fork.is_rejected(event)
    }

    fn auth_events(&self, event: u32) -> Result<Vec<u32>, Infallible> {
        self.fork.auth_events(event)
    }

    fn key(&self, event_type: &StateEventType, state_key: &str) -> Result<Option<u32>, Infallible> {
        self.fork.key(event_type, state_key)
    }

    fn key_of(&self, event: u32) -> Result<Option<u32>, Infallible> {
        self.fork.key_of(event)
    }

    fn unconflicted(&self, key: u32) -> Result<Option<u32>, Infallible> {
        self.looked_at.borrow_mut().insert(key);
        self.fork.unconflicted(key)
    }

    fn auth_difference(&self) -> Result<Vec<u32>, Infallible> {
        self.fork.auth_difference()
    }

    fn conflicted_subgraph(&self, conflicted: &[u32]) -> Result<Vec<u32>, Infallible> {
        self.fork.conflicted_subgraph(conflicted)
    }
}

#[test]
fn only_what_the_conflict_concerns_is_looked_at() {
    for version in RoomVersion::ALL {
        let (mut room, mut last) = open_room(version);
        for at in 0..200 {
            let user = format!("@user{at}:two.example");
            last = room.member(last, &user, &user, "join", 10);
        }
        let one = topic(&mut room, last, ALICE, "one", 20);
        let two = topic(&mut room, last, BOB, "two", 21);
        let watched = Watched {
            fork: Fork::new(&room, &[one, two]),
            looked_at: RefCell::default(),
            events: RefCell::default(),
        };
        let conflict: Conflict<u32, u32> = watched.fork.conflict();
        assert_eq!(conflict.conflicted.len(), 1);
        let Ok(resolved) = resolve(version, &conflict, &watched);
        assert_eq!(resolved.len(), 1);
        let looked_at = watched.looked_at.borrow().len();
        let events = watched.events.borrow().len();
        assert!(looked_at <= 8 && events <= 12, "{version}: {looked_at} keys, {events} events");
    }
}

#[test]
fn a_stale_branch_does_not_bring_back_old_state() {
    for version in since_2() {
        let (mut room, last) = open_room(version);
        let users =
            if version < RoomVersion::V12 { json!({ ALICE: 100, BOB: 50 }) } else { json!({ BOB: 50 }) };
        let mut tip = last;
        for level in 1..6 {
            let content = json!({ "users": users, "kick": 50 + level });
            tip = room.send(tip, ALICE, "m.room.power_levels", "", content, 20 + level);
        }
        let newest = topic(&mut room, tip, ALICE, "newest", 40);
        let stale = topic(&mut room, last, BOB, "stale", 50);
        let state = room.resolve(&[newest, stale]);
        let levels = room.state_event(&state, "m.room.power_levels", "").expect("levels");
        assert!(levels.content_str().contains(r#""kick":55"#), "{version}");
        assert_eq!(topic_of(&room, &state), r#"{"topic":"newest"}"#, "{version}");
        for user in [ALICE, BOB, CAROL] {
            assert_eq!(membership(&room, &state, user), "join", "{version}");
        }
    }
}
