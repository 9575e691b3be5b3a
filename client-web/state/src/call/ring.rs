//! How others are told of a call (MSC4075), and how one says no to it (MSC4310).

use serde_json::{Value, json};

use super::Intent;

/// The type of the event that tells of a call.
pub const NOTIFICATION: &str = "org.matrix.msc4075.rtc.notification";
/// The type of the event that says no to it.
pub const DECLINE: &str = "org.matrix.msc4310.rtc.decline";

/// How long it rings, in milliseconds, where an event does not say it; and at most.
const LIFETIME: i64 = 30_000;
const LONGEST: i64 = 120_000;

/// That somebody calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// The event that tells of it.
    pub event: String,
    pub sender: String,
    pub intent: Intent,
    /// Until when it rings: milliseconds since 1970.
    pub until: i64,
}

/// Whether an event rings for `me`: one of another person, for all or for oneself, that is young enough.
pub fn ring(event: &Value, me: &str, now: i64) -> Option<Ring> {
    let content = &event["content"];
    let sender = event["sender"].as_str()?;
    let mentions = &content["m.mentions"];
    let is_for_me = mentions["room"] == true
        || mentions["user_ids"].as_array().is_some_and(|users| users.iter().any(|user| user == me));
    if event["type"] != NOTIFICATION || content["notification_type"] != "ring" || sender == me || !is_for_me {
        return None;
    }
    let sent = event["origin_server_ts"].as_i64()?;
    let lifetime = content["lifetime"].as_i64().unwrap_or(LIFETIME).clamp(0, LONGEST);
    let until = sent.saturating_add(lifetime);
    // A clock that is ahead does not make it ring for longer.
    let until = until.min(now + lifetime);
    let (event, sender) = (event["event_id"].as_str()?.to_owned(), sender.to_owned());
    (now < until).then(|| Ring { event, sender, intent: Intent::of(content), until })
}

/// What tells others of a call that begins with a membership; it rings in chats with one person, and is a notification in
/// rooms, whose members did not all choose to be rung.
pub fn notification(membership: &str, rings: bool, intent: Intent, now: i64) -> Value {
    json!({
        "m.mentions": { "user_ids": [], "room": true },
        "m.relates_to": { "rel_type": "m.reference", "event_id": membership },
        "notification_type": if rings { "ring" } else { "notification" },
        "m.call.intent": intent.name(),
        "sender_ts": now,
        "lifetime": LIFETIME,
    })
}

/// The event that is said no to: by oneself elsewhere, or by who was called.
pub fn declined(event: &Value) -> Option<&str> {
    let relation = &event["content"]["m.relates_to"];
    (event["type"] == DECLINE && relation["rel_type"] == "m.reference")
        .then(|| relation["event_id"].as_str())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(content: Value) -> Value {
        json!({ "type": NOTIFICATION, "event_id": "$e", "sender": "@a:x", "origin_server_ts": 1_000, "content": content })
    }

    #[test]
    fn what_one_sends_rings_for_the_other_and_not_for_oneself() {
        let event = event(notification("$m", true, Intent::Voice, 1_000));
        let rings = ring(&event, "@b:x", 2_000).unwrap();
        assert_eq!((rings.event.as_str(), rings.intent, rings.until), ("$e", Intent::Voice, 31_000));
        assert_eq!(ring(&event, "@a:x", 2_000), None);
        assert_eq!(ring(&event, "@b:x", 31_000), None, "that was long ago");
        assert_eq!(ring(&event, "@b:x", 0).unwrap().until, 30_000, "a clock that is ahead");
    }

    #[test]
    fn what_only_notifies_or_is_for_others_does_not_ring() {
        assert_eq!(ring(&event(notification("$m", false, Intent::Video, 1_000)), "@b:x", 2_000), None);
        let mut content = notification("$m", true, Intent::Video, 1_000);
        content["m.mentions"] = json!({ "user_ids": ["@c:x"] });
        assert_eq!(ring(&event(content.clone()), "@b:x", 2_000), None);
        assert!(ring(&event(content.clone()), "@c:x", 2_000).is_some());
        content["lifetime"] = json!(i64::MAX);
        assert_eq!(ring(&event(content), "@c:x", 2_000).unwrap().until, 121_000);
    }

    #[test]
    fn a_no_is_to_an_event() {
        let no = json!({ "type": DECLINE, "content": { "m.relates_to": { "rel_type": "m.reference", "event_id": "$e" } } });
        assert_eq!(declined(&no), Some("$e"));
        assert_eq!(declined(&json!({ "type": DECLINE, "content": {} })), None);
    }
}
