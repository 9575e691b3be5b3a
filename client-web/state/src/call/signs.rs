//! What one shows without a word: a raised hand, and reactions. As Element Call does it: events that relate to one's own
//! membership.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Member;

/// The key of the reaction that is a raised hand.
pub const HAND: &str = "🖐️";
/// The type of the event that is a reaction in a call.
pub const REACTION: &str = "io.element.call.reaction";
/// What one can react with, and how each is called.
pub const REACTIONS: [(&str, &str); 6] = [
    ("👍", "thumbsup"),
    ("🎉", "party"),
    ("👏", "clapping"),
    ("😂", "laugh"),
    ("❤️", "heart"),
    ("🤔", "thinking"),
];

/// How long a reaction is shown, in milliseconds.
const SHOWN: i64 = 4_000;
/// More is no emoji.
const LONGEST: usize = 32;

/// Something that somebody shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    Hand {
        event: String,
        sender: String,
        membership: String,
    },
    Reaction {
        sender: String,
        membership: String,
        emoji: String,
    },
    /// An event that was taken back; it may have been a hand.
    TakenBack {
        event: String,
    },
}

/// What an event of a room shows, if it does.
pub fn sign(event: &Value) -> Option<Sign> {
    let (content, sender) = (&event["content"], event["sender"].as_str()?.to_owned());
    let relation = &content["m.relates_to"];
    let membership = || relation["event_id"].as_str().map(ToOwned::to_owned);
    match event["type"].as_str()? {
        "m.reaction" if relation["key"] == HAND => Some(Sign::Hand {
            event: event["event_id"].as_str()?.to_owned(),
            sender,
            membership: membership()?,
        }),
        REACTION => {
            let emoji =
                content["emoji"].as_str().filter(|emoji| !emoji.is_empty() && emoji.len() <= LONGEST)?;
            Some(Sign::Reaction { sender, membership: membership()?, emoji: emoji.to_owned() })
        }
        "m.room.redaction" => {
            // Where it stands depends on the version of the room.
            let event = event["redacts"].as_str().or(content["redacts"].as_str())?.to_owned();
            Some(Sign::TakenBack { event })
        }
        _ => None,
    }
}

/// What raises the hand of a member.
pub fn hand(membership: &str) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": membership, "key": HAND } })
}

/// What reacts.
pub fn reaction(membership: &str, emoji: &str, name: &str) -> Value {
    let relation = json!({ "rel_type": "m.reference", "event_id": membership });
    json!({ "m.relates_to": relation, "emoji": emoji, "name": name })
}

/// What is shown just now, by whom: by their identity.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Signs {
    /// The event that raised each hand.
    pub hands: BTreeMap<String, String>,
    /// Each reaction, and until when it is shown.
    reactions: BTreeMap<String, (String, i64)>,
}

impl Signs {
    /// Takes up a sign of a member: people show something of themselves alone.
    pub fn take(&mut self, sign: Sign, members: &[Member], now: i64) {
        let of = |sender: &str, membership: &str| {
            let member = members.iter().find(|member| member.event == membership && member.user == sender);
            member.map(Member::identity)
        };
        match sign {
            Sign::Hand { event, sender, membership } => {
                if let Some(identity) = of(&sender, &membership) {
                    self.hands.insert(identity, event);
                }
            }
            Sign::Reaction { sender, membership, emoji } => {
                if let Some(identity) = of(&sender, &membership) {
                    self.reactions.insert(identity, (emoji, now + SHOWN));
                }
            }
            Sign::TakenBack { event } => self.hands.retain(|_, hand| *hand != event),
        }
    }

    /// Forgets what is shown no more, and who is there no more.
    pub fn settle(&mut self, members: &[Member], now: i64) {
        let is_there = |identity: &str| members.iter().any(|member| member.identity() == identity);
        self.hands.retain(|identity, _| is_there(identity));
        self.reactions.retain(|identity, (_, until)| is_there(identity) && now < *until);
    }

    /// The reaction of a member that is shown.
    pub fn reaction(&self, identity: &str) -> Option<&str> {
        self.reactions.get(identity).map(|(emoji, _)| emoji.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Intent;

    fn member() -> Member {
        let [user, device, event] = ["@a:x", "D", "$m"].map(ToOwned::to_owned);
        Member { user, device, event, service: String::new(), since: 0, intent: Intent::Video }
    }

    fn event(kind: &str, sender: &str, content: Value) -> Value {
        json!({ "type": kind, "event_id": "$e", "sender": sender, "content": content })
    }

    #[test]
    fn a_hand_is_up_until_it_is_taken_back() {
        let mut signs = Signs::default();
        let raised = sign(&event("m.reaction", "@a:x", hand("$m"))).unwrap();
        signs.take(raised.clone(), &[member()], 0);
        assert_eq!(signs.hands.get("@a:x:D").map(String::as_str), Some("$e"));
        let redaction = event("m.room.redaction", "@a:x", json!({ "redacts": "$e" }));
        signs.take(sign(&redaction).unwrap(), &[member()], 0);
        assert!(signs.hands.is_empty());
        signs.take(raised, &[member()], 0);
        signs.settle(&[], 0);
        assert!(signs.hands.is_empty(), "who left has no hand");
    }

    #[test]
    fn nobody_raises_the_hand_of_another() {
        let mut signs = Signs::default();
        signs.take(sign(&event("m.reaction", "@b:x", hand("$m"))).unwrap(), &[member()], 0);
        signs.take(sign(&event("m.reaction", "@a:x", hand("$other"))).unwrap(), &[member()], 0);
        assert_eq!(signs, Signs::default());
        let thumb = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$m", "key": "👍" } });
        assert_eq!(sign(&event("m.reaction", "@a:x", thumb)), None);
    }

    #[test]
    fn a_reaction_is_shown_for_a_moment() {
        let mut signs = Signs::default();
        signs.take(sign(&event(REACTION, "@a:x", reaction("$m", "👏", "clapping"))).unwrap(), &[member()], 0);
        assert_eq!(signs.reaction("@a:x:D"), Some("👏"));
        signs.settle(&[member()], SHOWN);
        assert_eq!(signs.reaction("@a:x:D"), None);
        assert_eq!(sign(&event(REACTION, "@a:x", reaction("$m", &"x".repeat(33), ""))), None);
    }
}
