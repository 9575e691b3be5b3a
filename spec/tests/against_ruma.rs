//! Our authorization rules and state resolution against those of `ruma-state-res`, on random rooms.

mod support;

use std::{collections::HashMap, sync::Arc};

use hearth_spec::{Pdu, RoomVersion, check_state};
use proptest::prelude::*;
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, UserId,
    events::{StateEventType, TimelineEventType},
    state_res::{self, StateMap, utils::event_id_set::EventIdSet},
};
use serde_json::{Value, json, value::RawValue};
use support::{Fork, Room, State, USERS};

/// An event as ruma reads it.
#[derive(Clone)]
struct RumaEvent(Arc<Pdu>, OwnedEventId);

impl RumaEvent {
    fn new(pdu: Arc<Pdu>) -> Self {
        let id = pdu.event_id().to_owned();
        Self(pdu, id)
    }
}

impl state_res::Event for RumaEvent {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.1
    }

    fn room_id(&self) -> Option<&RoomId> {
        let without = self.0.version().room_id_is_create_event_id()
            && *self.0.event_type() == TimelineEventType::RoomCreate;
        (!without).then(|| self.0.room_id())
    }

    fn sender(&self) -> &UserId {
        self.0.sender()
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.0.origin_server_ts()
    }

    fn event_type(&self) -> &TimelineEventType {
        self.0.event_type()
    }

    fn content(&self) -> &RawValue {
        self.0.content()
    }

    fn state_key(&self) -> Option<&str> {
        self.0.state_key()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.0.prev_events().iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.0.auth_events().iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        None
    }

    fn rejected(&self) -> bool {
        false
    }
}

/// Something a user tries on some event of the room.
#[derive(Clone, Debug)]
struct Attempt {
    /// Which of the latest events it builds on; two make it a merge.
    prev: (u8, Option<u8>),
    sender: u8,
    target: u8,
    action: u8,
    level: i64,
    ts: u64,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let attempt = (
        (0u8..6, proptest::option::weighted(0.15, 0u8..6)),
        0u8..4,
        0u8..4,
        0u8..16,
        prop::sample::select(vec![-1i64, 0, 50, 100]),
        1u64..8,
    );
    let attempt = attempt.prop_map(|(prev, sender, target, action, level, ts)| Attempt {
        prev,
        sender,
        target,
        action,
        level,
        ts,
    });
    prop::collection::vec(attempt, 5..60)
}

impl Attempt {
    fn event(&self, room: &Room, before: &State) -> (&'static str, String, Value) {
        let sender = USERS[usize::from(self.sender)];
        let target = USERS[usize::from(self.target)];
        let member = |who: &str, membership: &str| {
            ("m.room.member", who.to_owned(), json!({ "membership": membership }))
        };
        let join_rule = |rule: &str| ("m.room.join_rules", String::new(), json!({ "join_rule": rule }));
        match self.action {
            0..=2 => member(sender, "join"),
            3 => member(sender, "leave"),
            4 => member(target, "invite"),
            5 => member(target, "ban"),
            6 => member(target, "leave"),
            7 => member(sender, "knock"),
            8 => join_rule("public"),
            9 => join_rule("invite"),
            10 => join_rule("knock"),
            11 => ("m.room.topic", String::new(), json!({ "topic": self.level })),
            12 => {
                let content = json!({
                    "membership": "join",
                    "join_authorised_via_users_server": target,
                });
                ("m.room.member", sender.to_owned(), content)
            }
            13 => join_rule("restricted"),
            _ => {
                let current = room.state_event(before, "m.room.power_levels", "");
                let mut content: Value = current
                    .and_then(|event| serde_json::from_str(event.content().get()).ok())
                    .unwrap_or_else(|| json!({}));
                if self.action == 14 {
                    content["users"][target] = self.level.into();
                } else {
                    let field = ["ban", "kick", "invite", "state_default"][usize::from(self.target)];
                    content[field] = self.level.into();
                }
                ("m.room.power_levels", String::new(), content)
            }
        }
    }
}

/// Plays the attempts; those the rules allow are the room.
fn play(version: RoomVersion, attempts: &[Attempt]) -> Result<Room, TestCaseError> {
    let mut room = Room::new(version);
    let mut last = room.member(0, USERS[0], USERS[0], "join", 1);
    let levels = json!({ "users": { USERS[1]: 50 }, "users_default": 0 });
    if version < RoomVersion::V12 {
        let levels = json!({ "users": { USERS[0]: 100, USERS[1]: 50 } });
        last = room.send(last, USERS[0], "m.room.power_levels", "", levels, 1);
    } else {
        last = room.send(last, USERS[0], "m.room.power_levels", "", levels, 1);
    }
    room.send(last, USERS[0], "m.room.join_rules", "", json!({ "join_rule": "public" }), 1);
    for attempt in attempts {
        let recent = |back: u8| {
            let newest = room.events.len() as u32 - 1;
            newest - u32::from(back).min(newest - 3)
        };
        let mut prev = vec![recent(attempt.prev.0)];
        prev.extend(attempt.prev.1.map(recent));
        prev.sort_unstable();
        prev.dedup();
        let before = match prev.as_slice() {
            [only] => room.states[*only as usize].clone(),
            several => room.resolve(several),
        };
        let (event_type, state_key, content) = attempt.event(&room, &before);
        let sender = USERS[usize::from(attempt.sender)];
        let kind = (event_type, Some(state_key.as_str()));
        let Some(pdu) = room.build(&prev, &before, sender, kind, &content, attempt.ts) else {
            continue;
        };
        // Before version 12, forks can meet in a state without join rules. Such a room is by invitation, as Synapse
        // has it too (`a_room_without_join_rules_is_by_invitation`); ruma refuses whoever joins it.
        if content["membership"] == "join" && room.state_event(&before, "m.room.join_rules", "").is_none() {
            continue;
        }
        let ours = room.check(&pdu, &before);
        let theirs = check_with_ruma(&room, &pdu, &before);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?} {}", ours, theirs, pdu.text());
        // The same attempt twice makes the same event.
        if ours.is_ok() && !room.by_id.contains_key(pdu.event_id()) {
            room.add(pdu, before);
        }
    }
    Ok(room)
}

fn check_with_ruma(room: &Room, pdu: &Arc<Pdu>, before: &State) -> Result<(), String> {
    let rules = &room.version.rules().authorization;
    let event = RumaEvent::new(Arc::clone(pdu));
    let fetch = |id: &EventId| room.fetch(id).map(|(pdu, _)| RumaEvent::new(pdu));
    state_res::check_state_independent_auth_rules(rules, &event, fetch)?;
    state_res::check_state_dependent_auth_rules(rules, &event, |event_type: &StateEventType, key| {
        room.state_event(before, &event_type.to_string(), key).map(RumaEvent::new)
    })
}

fn resolve_with_ruma(room: &Room, tips: &[u32]) -> State {
    let rules = room.version.rules();
    let id = |event: &u32| room.events[*event as usize].event_id().to_owned();
    let names: HashMap<u32, (StateEventType, String)> = room
        .keys
        .iter()
        .map(|((event_type, state_key), key)| (*key, (event_type.as_str().into(), state_key.clone())))
        .collect();
    let states: Vec<StateMap<OwnedEventId>> = tips
        .iter()
        .map(|tip| &room.states[*tip as usize])
        .map(|state| state.iter().map(|(key, event)| (names[key].clone(), id(event))).collect())
        .collect();
    let chains: Vec<EventIdSet<OwnedEventId>> = tips
        .iter()
        .map(|tip| room.auth_chain(&room.states[*tip as usize]).iter().map(id).collect())
        .collect();
    let resolved = state_res::resolve(
        &rules.authorization,
        rules.state_res.v2_rules().expect("not version 1"),
        &states,
        chains,
        |id| room.fetch(id).map(|(pdu, _)| RumaEvent::new(pdu)),
        |conflicted| {
            let ends: Vec<u32> = conflicted.values().flatten().map(|id| room.by_id[id]).collect();
            Some(room.subgraph(&ends).iter().map(id).collect())
        },
    )
    .expect("ruma resolves it");
    resolved
        .into_iter()
        .map(|((event_type, state_key), id)| {
            (room.keys[&(event_type.to_string(), state_key)], room.by_id[&id])
        })
        .collect()
}

/// The events of a room, one a line.
fn story(room: &Room) -> String {
    let line = |(event, pdu): (usize, &Arc<Pdu>)| {
        let auth = room.auth(event as u32);
        let key = (pdu.type_str(), pdu.state_key());
        format!(
            "{event} {key:?} {} ts {} auth {auth:?} {}\n",
            pdu.sender(),
            pdu.origin_server_ts().get(),
            pdu.content_str()
        )
    };
    room.events.iter().enumerate().map(line).collect()
}

fn version() -> impl Strategy<Value = RoomVersion> {
    prop::sample::select(RoomVersion::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every verdict on the way agrees, and so does what several events' states resolve to.
    #[test]
    fn verdicts_and_resolutions_agree(version in version(), attempts in attempts()) {
        let room = play(version, &attempts)?;
        let newest = room.events.len() as u32;
        if version == RoomVersion::V1 {
            return Ok(());
        }
        for tips in [vec![newest - 1, newest - 2], vec![newest - 1, newest / 2, newest - 3]] {
            let conflict = Fork::new(&room, &tips).conflict();
            prop_assert_eq!(room.resolve(&tips), resolve_with_ruma(&room, &tips), "{:?}\n{}", conflict, story(&room));
        }
    }

    /// Resolving does not depend on the order of the states, in any version.
    #[test]
    fn the_order_of_the_states_does_not_matter(version in version(), attempts in attempts()) {
        let room = play(version, &attempts)?;
        let newest = room.events.len() as u32;
        prop_assert_eq!(
            room.resolve(&[newest - 1, newest - 2, newest - 3]),
            room.resolve(&[newest - 3, newest - 1, newest - 2])
        );
    }

    /// Whatever is in a resolved state was allowed by the rules in some order: its members and
    /// rules hold together.
    #[test]
    fn the_resolved_power_levels_are_by_someone_who_may_set_them(attempts in attempts()) {
        let room = play(RoomVersion::V10, &attempts)?;
        let newest = room.events.len() as u32;
        let state = room.resolve(&[newest - 1, newest - 2]);
        // Forks can meet in a state that has lost them (version 12 mended that).
        let Some(levels) = room.state_event(&state, "m.room.power_levels", "") else { return Ok(()) };
        let before = |event_type: &StateEventType, key: &str| {
            levels.auth_events().iter().filter_map(|id| room.fetch(id)).map(|(pdu, _)| pdu)
                .find(|pdu| pdu.is_state_of(event_type, key))
        };
        prop_assert!(check_state(RoomVersion::V10, &levels, before).is_ok());
    }
}

/// A room of Alice's with Bob as moderator, whose name was set after some further power levels.
fn room_with_levels(version: RoomVersion, change: impl FnOnce(&mut Room, u32) -> u32) -> (Room, u32) {
    let mut room = Room::new(version);
    let mut last = room.member(0, USERS[0], USERS[0], "join", 1);
    last = room.send(last, USERS[0], "m.room.power_levels", "", bob_has(version, 50), 2);
    last = room.send(last, USERS[0], "m.room.join_rules", "", json!({ "join_rule": "public" }), 3);
    last = room.member(last, USERS[1], USERS[1], "join", 4);
    last = change(&mut room, last);
    last = room.send(last, USERS[0], "m.room.name", "", json!({ "name": "on the newer levels" }), 20);
    (room, last)
}

fn bob_has(version: RoomVersion, level: i64) -> Value {
    let mut users = json!({ USERS[1]: level });
    if version < RoomVersion::V12 {
        users[USERS[0]] = 100.into();
    }
    json!({ "users": users })
}

/// A message, only to have a place with that state.
fn place(room: &mut Room, prev: u32, state: State, ts: u64) -> u32 {
    let kind = ("m.room.message", None);
    let pdu = room.build(&[prev], &state, USERS[0], kind, &json!({}), ts).expect("an event");
    room.add(pdu, state)
}

/// Version 12 checks events by the state they were sent in, not by what all agree on now: a topic
/// of Bob's stands, though he has lost his level since.
#[test]
fn version_12_starts_from_nothing() {
    for (version, expected) in [(RoomVersion::V11, "by Alice"), (RoomVersion::V12, "by Bob")] {
        let (mut room, last) = room_with_levels(version, |room, last| {
            let topic = room.send(last, USERS[1], "m.room.topic", "", json!({ "topic": "by Bob" }), 10);
            room.send(topic, USERS[0], "m.room.power_levels", "", bob_has(version, 0), 11)
        });
        let topic = room.send(last, USERS[0], "m.room.topic", "", json!({ "topic": "by Alice" }), 5);
        let state = room.resolve(&[last, topic]);
        assert_eq!(state, resolve_with_ruma(&room, &[last, topic]));
        let topic = room.state_event(&state, "m.room.topic", "").expect("a topic");
        assert!(topic.content_str().contains(expected), "{version}");
    }
}

/// Version 12 replays what lies between the events in conflict: Bob's power levels rest on those
/// that made him an admin, though no state has these any more.
#[test]
fn version_12_replays_the_conflicted_subgraph() {
    for version in [RoomVersion::V11, RoomVersion::V12] {
        let (mut room, last) = room_with_levels(version, |room, last| {
            room.send(last, USERS[0], "m.room.power_levels", "", bob_has(version, 100), 10)
        });
        let mut content = bob_has(version, 100);
        content["users"][USERS[2]] = 100.into();
        let newest = room.send(last, USERS[1], "m.room.power_levels", "", content, 21);
        // A state that was reset to the first levels, but has the name set after the second.
        let first = 2;
        let mut reset = room.states[last as usize].clone();
        let key = room.key("m.room.power_levels", "");
        reset.insert(key, first);
        let reset = place(&mut room, last, reset, 22);
        let state = room.resolve(&[reset, newest]);
        assert_eq!(state, resolve_with_ruma(&room, &[reset, newest]));
        assert_eq!(state[&key], if version == RoomVersion::V12 { newest } else { first }, "{version}");
    }
}
