//! By which events one is in a call.

use serde_json::{Value, json};

/// The type of the state event by which a session is in the call of a room.
pub const MEMBER: &str = "org.matrix.msc3401.call.member";

/// How long a membership counts that does not say it, in milliseconds.
const LIFETIME: i64 = 4 * 3_600_000;

/// What a call begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Intent {
    Voice,
    #[default]
    Video,
}

impl Intent {
    /// As `m.call.intent` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Voice => "audio",
            Self::Video => "video",
        }
    }

    pub fn of(content: &Value) -> Self {
        match content["m.call.intent"].as_str() {
            Some("audio") => Self::Voice,
            _ => Self::Video,
        }
    }
}

/// A session that is in a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The event that says it.
    pub event: String,
    pub user: String,
    pub device: String,
    /// The service by which the SFU is found that it sends to.
    pub service: String,
    /// Milliseconds since 1970.
    pub since: i64,
    pub intent: Intent,
}

impl Member {
    /// What it is called by SFUs and by those who encrypt.
    pub fn identity(&self) -> String {
        format!("{}:{}", self.user, self.device)
    }
}

/// Who is in the call of a room by its state, the first one first.
pub fn members(events: &[Value], now: i64) -> Vec<Member> {
    let mut found: Vec<(Member, bool)> = events.iter().filter_map(|event| member(event, now)).collect();
    found.sort_by(|(one, _), (other, _)| {
        (one.since, &one.user, &one.device).cmp(&(other.since, &other.user, &other.device))
    });
    // Older clients all send to the SFU of whoever was there first.
    let first = found.first().map(|(member, _)| member.service.clone()).unwrap_or_default();
    let of_first = |(member, follows): (Member, bool)| match follows {
        true => Member { service: first.clone(), ..member },
        false => member,
    };
    found.into_iter().map(of_first).collect()
}

/// The member that an event tells of, and whether it sends to where the first one does.
fn member(event: &Value, now: i64) -> Option<(Member, bool)> {
    let content = &event["content"];
    let is_of_room = content["application"] == "m.call"
        && content["call_id"].as_str().is_none_or(str::is_empty)
        && content["scope"].as_str().is_none_or(|scope| scope == "m.room");
    let since = content["created_ts"].as_i64().or(event["origin_server_ts"].as_i64())?;
    let is_over = now >= since.saturating_add(content["expires"].as_i64().unwrap_or(LIFETIME));
    let service = livekit(&content["foci_preferred"])?;
    if !is_of_room || is_over {
        return None;
    }
    let member = Member {
        event: event["event_id"].as_str()?.to_owned(),
        user: event["sender"].as_str()?.to_owned(),
        device: content["device_id"].as_str()?.to_owned(),
        service,
        since,
        intent: Intent::of(content),
    };
    Some((member, content["focus_active"]["focus_selection"] == "oldest_membership"))
}

/// The service by which an SFU of LiveKit's is found, of the transports that a member or a server names (MSC4195).
pub fn livekit(transports: &Value) -> Option<String> {
    let livekit = transports.as_array()?.iter().find(|transport| transport["type"] == "livekit")?;
    Some(livekit["livekit_service_url"].as_str()?.trim_end_matches('/').to_owned())
}

/// The state key of a session's membership. Events whose key begins with `@` are for that user alone to send, so this
/// one begins otherwise.
pub fn state_key(user: &str, device: &str) -> String {
    format!("_{user}_{device}_m.call")
}

/// What a session says that is in the call of a room, for the first time or once more. When it began makes it another event
/// each time that one comes: servers make none of state that is as it was.
pub fn membership(room: &str, me: &Member, now: i64) -> Value {
    json!({
        "application": "m.call",
        "call_id": "",
        "scope": "m.room",
        "device_id": me.device,
        "membershipID": me.identity(),
        "created_ts": me.since,
        "expires": now - me.since + LIFETIME,
        "m.call.intent": me.intent.name(),
        "focus_active": { "type": "livekit", "focus_selection": "multi_sfu" },
        // Some clients only understand it with the alias, which is the room.
        "foci_preferred": [{ "type": "livekit", "livekit_service_url": me.service, "livekit_alias": room }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(user: &str, service: &str, since: i64, now: i64) -> Value {
        let [event, user, device, service] = ["", user, "ONE", service].map(ToOwned::to_owned);
        membership("!r", &Member { event, user, device, service, since, intent: Intent::Voice }, now)
    }

    fn event(user: &str, at: i64, content: Value) -> Value {
        json!({ "type": MEMBER, "event_id": "$e", "sender": user, "origin_server_ts": at, "content": content })
    }

    #[test]
    fn what_one_says_of_oneself_others_understand() {
        let said = said("@a:x", "https://x/jwt/", 50, 50);
        let found = members(&[event("@a:x", 50, said)], 60);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].identity().as_str(), found[0].service.as_str()), ("@a:x:ONE", "https://x/jwt"));
        assert_eq!((found[0].since, found[0].intent), (50, Intent::Voice));
    }

    #[test]
    fn a_membership_ends_and_can_be_renewed() {
        let first = said("@a:x", "https://x", 0, 0);
        let event_of = |said| [event("@a:x", 0, said)];
        assert_eq!(members(&event_of(first.clone()), LIFETIME - 1).len(), 1);
        assert!(members(&event_of(first), LIFETIME).is_empty());
        let renewed = said("@a:x", "https://x", 0, LIFETIME - 10);
        assert_eq!(members(&event_of(renewed), LIFETIME + 10).len(), 1);
    }

    #[test]
    fn who_follows_the_first_sends_to_where_the_first_does() {
        let mut follower = said("@b:y", "https://y", 20, 20);
        follower["focus_active"]["focus_selection"] = "oldest_membership".into();
        let first = said("@a:x", "https://x", 10, 10);
        let found = members(&[event("@b:y", 20, follower), event("@a:x", 10, first)], 30);
        let services: Vec<_> =
            found.iter().map(|member| (member.user.as_str(), member.service.as_str())).collect();
        assert_eq!(services, [("@a:x", "https://x"), ("@b:y", "https://x")]);
    }

    #[test]
    fn what_is_no_membership_is_left_out() {
        let good = said("@a:x", "https://x", 0, 0);
        let with = |key: &str, value: Value| {
            let mut content = good.clone();
            content[key] = value;
            event("@a:x", 0, content)
        };
        let events = [
            event("@a:x", 0, json!({})),
            with("application", json!("m.other")),
            with("call_id", json!("breakout")),
            with("foci_preferred", json!([{ "type": "other" }])),
            with("device_id", json!(7)),
            with("expires", json!(i64::MIN)),
            json!("nothing"),
        ];
        assert!(members(&events, 10).is_empty());
    }
}
