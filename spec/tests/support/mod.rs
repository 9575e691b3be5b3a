//! A room in memory: events with their graph and states, as much as the rules' tests need.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    sync::Arc,
};

use hearth_spec::{
    AuthError, EventTemplate, Pdu, RoomVersion, SigningKey, auth_event_keys, check_auth_events, check_state,
    state_resolution::{Conflict, Graph, resolve},
};
use ruma::{EventId, OwnedEventId, OwnedRoomId, ServerName, UserId, events::StateEventType};
use serde_json::{Value, json, value::to_raw_value};

pub const ALICE: &str = "@alice:one.example";
pub const BOB: &str = "@bob:one.example";
pub const CAROL: &str = "@carol:two.example";
pub const DAVE: &str = "@dave:two.example";
pub const USERS: [&str; 4] = [ALICE, BOB, CAROL, DAVE];

pub fn key() -> SigningKey {
    SigningKey::generate([7; 32], "1").expect("a key")
}

pub fn server() -> &'static ServerName {
    <&ServerName>::try_from("one.example").expect("a server name")
}

pub fn user(id: &str) -> &UserId {
    <&UserId>::try_from(id).expect("a user id")
}

/// A template with nothing around it.
pub fn template(sender: &str, event_type: &str, state_key: Option<&str>, content: &Value) -> EventTemplate {
    EventTemplate {
        event_type: event_type.to_owned(),
        state_key: state_key.map(str::to_owned),
        content: to_raw_value(content).expect("JSON"),
        sender: user(sender).to_owned(),
        room_id: Some(OwnedRoomId::try_from("!room:one.example").expect("a room id")),
        origin_server_ts: 1_000,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 1,
        redacts: None,
        sticky: None,
        event_id_localpart: None,
    }
}

/// Seals it as our server does, with an event id of its own where the version needs one.
pub fn seal(version: RoomVersion, mut template: EventTemplate) -> Pdu {
    if version.number() <= 2 && template.event_id_localpart.is_none() {
        let entropy = format!("{}{}", template.depth, template.origin_server_ts);
        template.event_id_localpart = Some(entropy);
    }
    template.seal(version, server(), &key()).expect("an event within the limits")
}

/// The create event of a version.
pub fn create(version: RoomVersion, sender: &str, extra: Value) -> Pdu {
    let mut content = json!({ "room_version": version.id(), "creator": sender });
    if version >= RoomVersion::V11 {
        content = json!({ "room_version": version.id() });
    }
    if let (Value::Object(content), Value::Object(extra)) = (&mut content, extra) {
        content.extend(extra);
    }
    let mut template = template(sender, "m.room.create", Some(""), &content);
    if version.room_id_is_create_event_id() {
        template.room_id = None;
    }
    seal(version, template)
}

pub type State = BTreeMap<u32, u32>;

/// A room whose events and keys are numbers.
pub struct Room {
    pub version: RoomVersion,
    pub events: Vec<Arc<Pdu>>,
    pub by_id: HashMap<OwnedEventId, u32>,
    pub keys: HashMap<(String, String), u32>,
    /// The state after each event.
    pub states: Vec<State>,
}

impl Room {
    pub fn new(version: RoomVersion) -> Self {
        let create = create(version, ALICE, json!({}));
        let mut room = Self {
            version,
            events: Vec::new(),
            by_id: HashMap::new(),
            keys: HashMap::new(),
            states: Vec::new(),
        };
        room.add(create, State::new());
        room
    }

    pub fn key(&mut self, event_type: &str, state_key: &str) -> u32 {
        let next = u32::try_from(self.keys.len()).expect("few keys");
        *self.keys.entry((event_type.to_owned(), state_key.to_owned())).or_insert(next)
    }

    pub fn state_event(&self, state: &State, event_type: &str, state_key: &str) -> Option<Arc<Pdu>> {
        let key = self.keys.get(&(event_type.to_owned(), state_key.to_owned()))?;
        state.get(key).map(|event| Arc::clone(&self.events[*event as usize]))
    }

    /// An event built on those, not yet in the room: its auth events are chosen by the state before.
    pub fn build(
        &self,
        prev: &[u32],
        before: &State,
        sender: &str,
        (event_type, state_key): (&str, Option<&str>),
        content: &Value,
        ts: u64,
    ) -> Option<Arc<Pdu>> {
        let mut template = template(sender, event_type, state_key, content);
        template.room_id = Some(self.events[0].room_id().to_owned());
        template.origin_server_ts = ts;
        template.prev_events =
            prev.iter().map(|event| self.events[*event as usize].event_id().to_owned()).collect();
        template.depth = prev.iter().map(|event| self.events[*event as usize].depth()).max().unwrap_or(0) + 1;
        let keys = auth_event_keys(
            self.version,
            &template.event_type.as_str().into(),
            &template.sender,
            state_key,
            &template.content,
        );
        for (event_type, state_key) in keys.ok()? {
            if let Some(event) = self.state_event(before, &event_type.to_string(), &state_key) {
                template.auth_events.push(event.event_id().to_owned());
            }
        }
        template.event_id_localpart = Some(format!("{}x{ts}", self.events.len()));
        Some(Arc::new(seal(self.version, template)))
    }

    pub fn check(&self, pdu: &Pdu, before: &State) -> Result<(), AuthError> {
        check_auth_events(self.version, pdu, |id| self.fetch(id))?;
        check_state(self.version, pdu, |event_type, state_key| {
            self.state_event(before, &event_type.to_string(), state_key)
        })
    }

    pub fn fetch(&self, id: &EventId) -> Option<(Arc<Pdu>, bool)> {
        let event = self.by_id.get(id)?;
        Some((Arc::clone(&self.events[*event as usize]), false))
    }

    pub fn add(&mut self, pdu: impl Into<Arc<Pdu>>, mut before: State) -> u32 {
        let pdu = pdu.into();
        let event = u32::try_from(self.events.len()).expect("few events");
        if let Some(state_key) = pdu.state_key() {
            let key = self.key(pdu.type_str(), state_key);
            before.insert(key, event);
        }
        self.by_id.insert(pdu.event_id().to_owned(), event);
        self.events.push(pdu);
        self.states.push(before);
        event
    }

    /// Sends a state event on one other event; it must be allowed.
    pub fn send(
        &mut self,
        prev: u32,
        sender: &str,
        event_type: &str,
        state_key: &str,
        content: Value,
        ts: u64,
    ) -> u32 {
        let before = self.states[prev as usize].clone();
        let kind = (event_type, Some(state_key));
        let pdu = self.build(&[prev], &before, sender, kind, &content, ts).expect("an event");
        self.check(&pdu, &before).expect("an event the rules allow");
        self.add(pdu, before)
    }

    pub fn member(&mut self, prev: u32, sender: &str, target: &str, membership: &str, ts: u64) -> u32 {
        self.send(prev, sender, "m.room.member", target, json!({ "membership": membership }), ts)
    }

    /// The state that those after some events resolve to.
    pub fn resolve(&self, tips: &[u32]) -> State {
        let fork = Fork::new(self, tips);
        let mut state = self.states[tips[0] as usize].clone();
        let Ok(resolved) = resolve(self.version, &fork.conflict(), &fork);
        for (key, event) in resolved {
            match event {
                Some(event) => state.insert(key, event),
                None => state.remove(&key),
            };
        }
        state
    }

    /// The auth chain of a state: all that its events build on.
    pub fn auth_chain(&self, state: &State) -> BTreeSet<u32> {
        let mut chain = BTreeSet::new();
        let mut pending: Vec<u32> = state.values().flat_map(|event| self.auth(*event)).collect();
        while let Some(event) = pending.pop() {
            if chain.insert(event) {
                pending.extend(self.auth(event));
            }
        }
        chain
    }

    pub fn auth(&self, event: u32) -> Vec<u32> {
        self.events[event as usize].auth_events().iter().map(|id| self.by_id[id]).collect()
    }

    /// The events on the paths between any two of these.
    pub fn subgraph(&self, ends: &[u32]) -> Vec<u32> {
        // Auth events come before what builds on them.
        let mut leads_up = vec![false; self.events.len()];
        let mut leads_down = vec![false; self.events.len()];
        for event in 0..self.events.len() as u32 {
            let below = self.auth(event).iter().any(|auth| leads_down[*auth as usize]);
            leads_down[event as usize] = below || ends.contains(&event);
        }
        for event in (0..self.events.len() as u32).rev() {
            leads_up[event as usize] |= ends.contains(&event);
            if leads_up[event as usize] {
                self.auth(event).into_iter().for_each(|auth| leads_up[auth as usize] = true);
            }
        }
        (0..self.events.len() as u32)
            .filter(|event| leads_up[*event as usize] && leads_down[*event as usize])
            .collect()
    }
}

/// Some states of a room that are to be resolved.
pub struct Fork<'a> {
    room: &'a Room,
    states: Vec<&'a State>,
}

impl<'a> Fork<'a> {
    pub fn new(room: &'a Room, tips: &[u32]) -> Self {
        Self { room, states: tips.iter().map(|tip| &room.states[*tip as usize]).collect() }
    }

    pub fn conflict(&self) -> Conflict<u32, u32> {
        let keys: BTreeSet<u32> = self.states.iter().flat_map(|state| state.keys().copied()).collect();
        let conflicted = keys.into_iter().filter(|key| self.agreed(*key).is_none()).map(|key| {
            let events: BTreeSet<u32> =
                self.states.iter().filter_map(|state| state.get(&key).copied()).collect();
            (key, events.into_iter().collect())
        });
        Conflict { conflicted: conflicted.collect() }
    }

    fn agreed(&self, key: u32) -> Option<u32> {
        let first = self.states[0].get(&key)?;
        self.states.iter().all(|state| state.get(&key) == Some(first)).then_some(*first)
    }
}

impl Graph for Fork<'_> {
    type Key = u32;
    type Event = u32;
    type Error = Infallible;

    fn event(&self, event: u32) -> Result<Arc<Pdu>, Infallible> {
        Ok(Arc::clone(&self.room.events[event as usize]))
    }

    fn is_rejected(&self, _: u32) -> Result<bool, Infallible> {
        Ok(false)
    }

    fn auth_events(&self, event: u32) -> Result<Vec<u32>, Infallible> {
        Ok(self.room.auth(event))
    }

    fn key(&self, event_type: &StateEventType, state_key: &str) -> Result<Option<u32>, Infallible> {
        Ok(self.room.keys.get(&(event_type.to_string(), state_key.to_owned())).copied())
    }

    fn key_of(&self, event: u32) -> Result<Option<u32>, Infallible> {
        let pdu = &self.room.events[event as usize];
        let Some(state_key) = pdu.state_key() else { return Ok(None) };
        self.key(&pdu.type_str().into(), state_key)
    }

    fn unconflicted(&self, key: u32) -> Result<Option<u32>, Infallible> {
        Ok(self.agreed(key))
    }

    fn auth_difference(&self) -> Result<Vec<u32>, Infallible> {
        let chains: Vec<BTreeSet<u32>> =
            self.states.iter().map(|state| self.room.auth_chain(state)).collect();
        let all: BTreeSet<u32> = chains.iter().flatten().copied().collect();
        Ok(all.into_iter().filter(|event| !chains.iter().all(|chain| chain.contains(event))).collect())
    }

    fn conflicted_subgraph(&self, conflicted: &[u32]) -> Result<Vec<u32>, Infallible> {
        Ok(self.room.subgraph(conflicted))
    }
}

/// The signature's server and key as another server would hold them.
pub fn public_keys() -> hearth_spec::PublicKeys {
    let mut keys = hearth_spec::PublicKeys::new();
    keys.insert_own(server().to_owned(), &key());
    keys
}
