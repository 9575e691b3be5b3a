//! What a client knows by sliding sync alone, through windows of different sizes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{RoomView, View, fields, text};

/// How many rooms are in view, one request after the other.
const WINDOWS: [u64; 4] = [2, 30, 1, 5];
/// And in the end.
const ALL: u64 = 1000;

/// What a client knows by sliding sync.
#[derive(Clone, Debug, Default)]
pub struct ByWindows {
    pos: Option<String>,
    /// How often it asked.
    asked: usize,
    joined: BTreeMap<String, RoomView>,
    invited: BTreeSet<String>,
}

impl ByWindows {
    /// The `pos` to ask with.
    pub fn pos(&self) -> Option<&str> {
        self.pos.as_deref()
    }

    /// What to ask for next: a window of another size, or all rooms.
    pub fn body(&mut self, all: bool) -> Value {
        let rooms = if all { ALL } else { WINDOWS[self.asked % WINDOWS.len()] };
        self.asked += 1;
        let list =
            json!({ "ranges": [[0, rooms - 1]], "timeline_limit": 10, "required_state": [["*", "*"]] });
        json!({ "lists": { "all": list }, "extensions": { "receipts": { "enabled": true } } })
    }

    /// Takes in a response for a user.
    pub fn apply(&mut self, user: &str, response: &Value) {
        self.pos = text(response, "pos");
        for (id, room) in fields(&response["rooms"]) {
            if room.get("invite_state").is_some() {
                self.joined.remove(id);
                self.invited.insert(id.clone());
                continue;
            }
            let state = room["required_state"].as_array().into_iter().flatten();
            let mut own =
                state.filter(|event| event["type"] == "m.room.member" && event["state_key"] == user);
            if own.next().is_some_and(|member| member["content"]["membership"] != "join") {
                self.joined.remove(id);
                self.invited.remove(id);
                continue;
            }
            self.invited.remove(id);
            if room["initial"] == true {
                self.joined.remove(id);
            }
            self.joined.entry(id.clone()).or_default().apply(&as_sync_tells(room));
        }
        for (id, event) in fields(&response["extensions"]["receipts"]["rooms"]) {
            if let Some(room) = self.joined.get_mut(id) {
                room.apply(&json!({ "ephemeral": { "events": [event] } }));
            }
        }
    }

    /// How it differs from what somebody sees who comes new.
    pub fn differences(&self, fresh: &View) -> Vec<String> {
        let mut found = Vec::new();
        if !self.joined.keys().eq(fresh.joined.keys()) {
            let (ours, theirs) = (self.joined.keys(), fresh.joined.keys());
            found.push(format!("joined to {ours:?}, fresh to {theirs:?}"));
        }
        if self.invited != fresh.invited {
            found.push(format!("invited to {:?}, fresh to {:?}", self.invited, fresh.invited));
        }
        for (id, room) in &self.joined {
            let Some(fresh) = fresh.joined.get(id) else { continue };
            let (mut room, mut fresh) = (room.clone(), fresh.clone());
            // Of a room that comes into view not all receipts are told, and by whom it is called only where it has no name.
            fresh.receipts.retain(|key, _| room.receipts.contains_key(key));
            room.receipts.retain(|key, _| fresh.receipts.contains_key(key));
            fresh.summary.remove("m.heroes");
            found.extend(room.differences(&fresh).into_iter().map(|what| format!("{id}: {what}")));
        }
        found.into_iter().map(|what| format!("by sliding sync {what}")).collect()
    }
}

/// A room as `/sync` would tell it.
fn as_sync_tells(room: &Value) -> Value {
    let expanded = room["unstable_expanded_timeline"] == true;
    let list = |name: &str| room.get(name).cloned().unwrap_or_else(|| json!([]));
    let mut told = json!({
        "timeline": { "events": list("timeline"), "limited": expanded || room["limited"] == true },
        "state_after": { "events": list("required_state") },
        "summary": {},
    });
    for (ours, theirs) in
        [("joined_count", "m.joined_member_count"), ("invited_count", "m.invited_member_count")]
    {
        if let Some(count) = room.get(ours) {
            told["summary"][theirs] = count.clone();
        }
    }
    if let Some(count) = room.get("notification_count") {
        told["unread_notifications"] =
            json!({ "notification_count": count, "highlight_count": room["highlight_count"] });
    }
    told
}
