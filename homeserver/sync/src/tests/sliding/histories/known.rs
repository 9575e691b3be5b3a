//! What clients know by what they were told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

type State = BTreeMap<(String, String), String>;

/// What a client of sliding sync knows.
#[derive(Debug, Default)]
pub struct Known {
    rooms: BTreeMap<String, RoomKnown>,
    pub count: u64,
    pub to_device_since: Option<String>,
    pub told: Vec<u64>,
    pub sticky_since: Option<String>,
    /// The sticky events that it was told, by room and id.
    sticky: BTreeSet<(String, String)>,
    /// Contents of account data, by room and type.
    data: BTreeMap<(String, String), Value>,
}

#[derive(Debug, Default)]
struct RoomKnown {
    /// `join`, `invite`, or what else the user's own membership says.
    membership: String,
    state: State,
    /// The ids of the newest events, as far as there is no gap.
    timeline: Vec<String>,
    /// What is told of the room as a whole.
    facts: BTreeMap<String, Value>,
    /// Who has read what last.
    receipts: BTreeMap<(String, String), String>,
}

/// What a client of `/sync` knows.
#[derive(Debug, Default)]
pub struct PlainKnown {
    joined: BTreeMap<String, RoomKnown>,
    invited: BTreeSet<String>,
    data: BTreeMap<(String, String), Value>,
    sticky: BTreeSet<(String, String)>,
    pub told: Vec<u64>,
}

/// The extension that tells of sticky events.
pub const STICKY: &str = "org.matrix.msc4354.sticky_events";

const FACTS: [&str; 8] = [
    "name",
    "avatar",
    "is_dm",
    "joined_count",
    "invited_count",
    "notification_count",
    "highlight_count",
    "bump_stamp",
];

impl Known {
    pub fn apply(&mut self, response: &Value) {
        self.count = response["lists"]["all"]["count"].as_u64().unwrap();
        let to_device = &response["extensions"]["to_device"];
        self.to_device_since = to_device["next_batch"].as_str().map(str::to_owned);
        self.told.extend(list(&to_device["events"]).map(|event| event["content"]["n"].as_u64().unwrap()));
        let sticky = &response["extensions"][STICKY];
        if let Some(token) = sticky["next_batch"].as_str() {
            self.sticky_since = Some(token.to_owned());
        }
        for (id, room) in fields(&sticky["rooms"]) {
            take_sticky(&mut self.sticky, id, &room["events"]);
        }
        for (id, room) in fields(&response["rooms"]) {
            take_sticky(&mut self.sticky, id, &room["timeline"]);
            if room["initial"] == true {
                self.rooms.remove(id);
            }
            let known = self.rooms.entry(id.clone()).or_default();
            known.apply(room);
            if !matches!(&*known.membership, "join" | "invite" | "knock") {
                // It is left: what is told of it once is that.
                let membership = std::mem::take(&mut known.membership);
                *known = RoomKnown { membership, ..RoomKnown::default() };
            }
        }
        let data = &response["extensions"]["account_data"];
        take_data(&mut self.data, "", &data["global"]);
        for (id, room) in fields(&data["rooms"]) {
            take_data(&mut self.data, id, room);
        }
        for (id, event) in fields(&response["extensions"]["receipts"]["rooms"]) {
            self.rooms.get_mut(id).expect("a room that is known").take_receipts(event);
        }
    }

    /// The rooms that it knows.
    pub fn rooms(&self) -> Vec<String> {
        self.rooms.keys().cloned().collect()
    }

    fn with(&self, membership: &str) -> BTreeSet<&String> {
        self.rooms.iter().filter(|(_, room)| room.membership == membership).map(|(id, _)| id).collect()
    }

    /// How it differs from what a client knows that began anew, and from what one knows by `/sync`.
    pub fn differences(&self, fresh: &Self, plain: &PlainKnown) -> Vec<String> {
        let mut found = Vec::new();
        for membership in ["join", "invite"] {
            let (ours, theirs) = (self.with(membership), fresh.with(membership));
            let by_sync: BTreeSet<&String> = if membership == "join" {
                plain.joined.keys().collect()
            } else {
                plain.invited.iter().collect()
            };
            if ours != theirs || ours != by_sync {
                found.push(format!("{membership}: {ours:?}, fresh {theirs:?}, by /sync {by_sync:?}"));
            }
        }
        for id in self.with("join") {
            let (Some(fresh), Some(plain)) = (fresh.rooms.get(id), plain.joined.get(id)) else { continue };
            found.extend(
                self.rooms[id].differences(fresh, plain).into_iter().map(|what| format!("{id}: {what}")),
            );
        }
        // What was sticky when the others were told may be so no more.
        for told in fresh.sticky.iter().filter(|(room, _)| plain.joined.contains_key(room)) {
            if !self.sticky.contains(told) || !plain.sticky.contains(told) {
                found.push(format!("sticky {told:?}: {:?}, by /sync {:?}", self.sticky, plain.sticky));
            }
        }
        let joined = |data: &BTreeMap<(String, String), Value>| {
            let mut data = data.clone();
            data.retain(|(room, _), _| room.is_empty() || plain.joined.contains_key(room));
            data
        };
        let (ours, theirs, by_sync) = (joined(&self.data), joined(&fresh.data), joined(&plain.data));
        if ours != theirs || ours != by_sync {
            found.push(format!("account data: {ours:?}, fresh {theirs:?}, by /sync {by_sync:?}"));
        }
        found
    }
}

impl RoomKnown {
    fn apply(&mut self, room: &Value) {
        if room["limited"] == true {
            // After a gap members may be others than those that were told.
            self.state.retain(|(event_type, _), _| event_type != "m.room.member");
            self.timeline.clear();
        }
        if room["unstable_expanded_timeline"] == true {
            self.timeline.clear();
        }
        self.timeline.extend(list(&room["timeline"]).map(|event| text(event, "event_id")));
        let events = list(&room["timeline"]).filter(|event| event.get("state_key").is_some());
        for event in events.chain(list(&room["required_state"])) {
            self.take_state(event);
        }
        for stripped in list(&room["invite_state"]) {
            if stripped["type"] == "m.room.member" && stripped["state_key"] == "@alice:h.org" {
                self.membership = text(&stripped["content"], "membership");
            }
        }
        for fact in FACTS {
            if let Some(value) = room.get(fact) {
                self.facts.insert(fact.to_owned(), value.clone());
            }
        }
        self.facts.retain(|_, value| !value.is_null() && *value != Value::Bool(false));
    }

    fn take_state(&mut self, event: &Value) {
        let key = (text(event, "type"), text(event, "state_key"));
        if key == ("m.room.member".to_owned(), "@alice:h.org".to_owned()) {
            self.membership = text(&event["content"], "membership");
        }
        self.state.insert(key, text(event, "event_id"));
    }

    fn take_receipts(&mut self, event: &Value) {
        for (id, kinds) in fields(&event["content"]) {
            for (kind, users) in fields(kinds) {
                for (user, _) in fields(users) {
                    self.receipts.insert((user.clone(), kind.clone()), id.clone());
                }
            }
        }
    }

    fn differences(&self, fresh: &Self, plain: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, ours: &Value, fresh: &Value, plain: Option<&Value>| {
            if ours != fresh || plain.is_some_and(|plain| plain != ours) {
                found.push(format!("{what}: {ours}, fresh {fresh}, by /sync {plain:?}"));
            }
        };
        for fact in FACTS {
            let fact_of = |room: &Self| room.facts.get(fact).cloned().unwrap_or_default();
            compare(fact, &fact_of(self), &fact_of(fresh), plain.facts.get(fact));
        }
        // Whom it knows, it knows right.
        for (name, other) in [("fresh", fresh), ("by /sync", plain)] {
            for (key, id) in &self.state {
                if other.state.get(key).is_some_and(|known| known != id) {
                    found.push(format!("{key:?}: {id}, {name} {:?}", other.state.get(key)));
                }
            }
            for (key, id) in other.state.iter().filter(|((event_type, _), _)| event_type != "m.room.member") {
                if self.state.get(key) != Some(id) {
                    found.push(format!("{key:?}: {:?}, {name} {id}", self.state.get(key)));
                }
            }
            let both = self.timeline.len().min(other.timeline.len());
            let end = |timeline: &[String]| timeline[timeline.len() - both..].to_vec();
            if end(&self.timeline) != end(&other.timeline) {
                found.push(format!("timeline: {:?}, {name} {:?}", self.timeline, other.timeline));
            }
            let private = |((_, kind), _): &(&(String, String), &String)| kind == "m.read.private";
            for (key, id) in other.receipts.iter().filter(|receipt| name == "fresh" || !private(receipt)) {
                if self.receipts.get(key).is_some_and(|known| known != id) {
                    found.push(format!("receipt {key:?}: {:?}, {name} {id}", self.receipts.get(key)));
                }
            }
        }
        if self.timeline.iter().collect::<BTreeSet<_>>().len() < self.timeline.len() {
            found.push(format!("an event was told twice: {:?}", self.timeline));
        }
        found
    }
}

impl PlainKnown {
    pub fn apply(&mut self, response: &Value) {
        self.told.extend(
            list(&response["to_device"]["events"]).map(|event| event["content"]["n"].as_u64().unwrap()),
        );
        take_data(&mut self.data, "", &response["account_data"]["events"]);
        let rooms = &response["rooms"];
        for (id, _) in fields(&rooms["leave"]) {
            self.joined.remove(id);
            self.invited.remove(id);
        }
        for (id, _) in fields(&rooms["invite"]) {
            self.joined.remove(id);
            self.invited.insert(id.clone());
        }
        for (id, room) in fields(&rooms["join"]) {
            self.invited.remove(id);
            take_sticky(&mut self.sticky, id, &room["timeline"]["events"]);
            take_sticky(&mut self.sticky, id, &room["msc4354_sticky"]["events"]);
            take_data(&mut self.data, id, &room["account_data"]["events"]);
            self.joined.entry(id.clone()).or_default().apply_plain(room);
        }
    }
}

impl RoomKnown {
    fn apply_plain(&mut self, room: &Value) {
        if room["timeline"]["limited"] == true {
            self.timeline.clear();
        }
        self.timeline.extend(list(&room["timeline"]["events"]).map(|event| text(event, "event_id")));
        list(&room["state_after"]["events"]).for_each(|event| self.take_state(event));
        for (name, value) in [
            ("joined_count", &room["summary"]["m.joined_member_count"]),
            ("invited_count", &room["summary"]["m.invited_member_count"]),
            ("notification_count", &room["unread_notifications"]["notification_count"]),
            ("highlight_count", &room["unread_notifications"]["highlight_count"]),
        ] {
            if !value.is_null() {
                self.facts.insert(name.to_owned(), value.clone());
            }
        }
        for event in list(&room["ephemeral"]["events"]).filter(|event| event["type"] == "m.receipt") {
            self.take_receipts(event);
        }
    }
}

fn take_sticky(known: &mut BTreeSet<(String, String)>, room: &str, events: &Value) {
    let sticky = list(events).filter(|event| event.get("msc4354_sticky").is_some());
    known.extend(sticky.map(|event| (room.to_owned(), text(event, "event_id"))));
}

fn take_data(data: &mut BTreeMap<(String, String), Value>, room: &str, items: &Value) {
    for item in list(items).filter(|item| item["type"] != "m.push_rules") {
        data.insert((room.to_owned(), text(item, "type")), item["content"].clone());
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_default().to_owned()
}
