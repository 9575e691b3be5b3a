//! What a client knows by `/sync` alone, or by sliding sync.

mod by_windows;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use serde_json::Value;

pub use self::by_windows::ByWindows;

/// What a client knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    pub joined: BTreeMap<String, RoomView>,
    pub invited: BTreeSet<String>,
    /// The contents of account data, by the room that it is of (none for the whole account) and by type. It stays
    /// when the room is left.
    account: BTreeMap<(String, String), Value>,
    /// What other devices told this one.
    pub told: Vec<String>,
}

/// What a client knows of a room that its user is joined to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomView {
    /// The ids of the events of the current state, by type and state key.
    pub state: BTreeMap<(String, String), String>,
    /// The ids of the newest events, as far as there is no gap.
    pub timeline: Vec<String>,
    /// The events that users read last, by user and thread.
    receipts: BTreeMap<(String, String), String>,
    /// What is told of the room as a whole.
    summary: BTreeMap<String, Value>,
    unread: Value,
}

impl View {
    /// Takes in a response.
    pub fn apply(&mut self, response: &Value) {
        let rooms = &response["rooms"];
        for (id, room) in fields(&rooms["join"]) {
            self.invited.remove(id);
            self.take_in_account_data(id, room);
            self.joined.entry(id.clone()).or_default().apply(room);
        }
        for (id, _) in fields(&rooms["invite"]) {
            self.joined.remove(id);
            self.invited.insert(id.clone());
        }
        self.take_in_account_data("", response);
        self.told.extend(events(&response["to_device"]).filter_map(|event| text(&event["content"], "n")));
        for (id, _) in fields(&rooms["leave"]).chain(fields(&rooms["knock"])) {
            self.joined.remove(id);
            self.invited.remove(id);
        }
    }

    fn take_in_account_data(&mut self, room: &str, from: &Value) {
        for item in events(&from["account_data"]) {
            if let Some(kind) = text(item, "type") {
                self.account.insert((room.to_owned(), kind), item["content"].clone());
            }
        }
    }

    /// How this view, got bit by bit, differs from what somebody sees who comes new.
    pub fn differences(&self, fresh: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.joined.keys().eq(fresh.joined.keys()) {
            let (ours, theirs) = (self.joined.keys(), fresh.joined.keys());
            found.push(format!("joined to {ours:?}, fresh to {theirs:?}"));
        }
        if self.invited != fresh.invited {
            found.push(format!("invited to {:?}, fresh to {:?}", self.invited, fresh.invited));
        }
        let mut account = self.account.clone();
        account.retain(|(room, _), _| room.is_empty() || fresh.joined.contains_key(room));
        if account != fresh.account {
            found.push(format!("account data is {account:?}, fresh {:?}", fresh.account));
        }
        for (id, fresh) in &fresh.joined {
            let Some(room) = self.joined.get(id) else { continue };
            found.extend(room.differences(fresh).into_iter().map(|what| format!("{id}: {what}")));
        }
        found
    }
}

impl RoomView {
    fn apply(&mut self, room: &Value) {
        let timeline = &room["timeline"];
        if timeline["limited"] == true {
            self.timeline.clear();
        }
        self.timeline.extend(events(timeline).filter_map(|event| text(event, "event_id")));
        for (name, value) in fields(&room["summary"]) {
            self.summary.insert(name.clone(), value.clone());
        }
        if !room["unread_notifications"].is_null() {
            self.unread = room["unread_notifications"].clone();
        }
        for receipts in events(&room["ephemeral"]).filter(|event| event["type"] == "m.receipt") {
            for (event, kinds) in fields(&receipts["content"]) {
                for (user, receipt) in fields(&kinds["m.read"]) {
                    let thread = receipt["thread_id"].as_str().unwrap_or_default();
                    self.receipts.insert((user.clone(), thread.to_owned()), event.clone());
                }
            }
        }
        for event in events(&room["state_after"]) {
            if let (Some(kind), Some(key), Some(id)) =
                (text(event, "type"), text(event, "state_key"), text(event, "event_id"))
            {
                self.state.insert((kind, key), id);
            }
        }
    }

    fn differences(&self, fresh: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for key in self.state.keys().chain(fresh.state.keys()).collect::<BTreeSet<_>>() {
            let (ours, theirs) = (self.state.get(key), fresh.state.get(key));
            // No sync has a form for state that resolution took away with nothing in its place.
            if ours != theirs && theirs.is_some() {
                found.push(format!("{key:?} is {ours:?}, fresh {theirs:?}"));
            }
        }
        let mut compare = |what: &str, ours: &dyn Debug, fresh: &dyn Debug| {
            let (ours, fresh) = (format!("{ours:?}"), format!("{fresh:?}"));
            if ours != fresh {
                found.push(format!("{what}: {ours}, fresh {fresh}"));
            }
        };
        compare("receipts", &self.receipts, &fresh.receipts);
        compare("summary", &self.summary, &fresh.summary);
        compare("unread", &self.unread, &fresh.unread);
        // History that was fetched since stands between what was told, and is told to nobody who follows.
        let known_to_both = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|id| other.contains(id)).cloned().collect()
        };
        let ours = known_to_both(&self.timeline, &fresh.timeline);
        let theirs = known_to_both(&fresh.timeline, &self.timeline);
        if ours != theirs || self.timeline.last() != fresh.timeline.last() {
            found.push(format!("the timeline is {:?}, fresh {:?}", self.timeline, fresh.timeline));
        }
        if self.timeline.iter().collect::<BTreeSet<_>>().len() < self.timeline.len() {
            found.push(format!("an event was told twice: {:?}", self.timeline));
        }
        found
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn events(section: &Value) -> impl Iterator<Item = &Value> {
    section["events"].as_array().into_iter().flatten()
}

fn text(event: &Value, field: &str) -> Option<String> {
    event[field].as_str().map(str::to_owned)
}
