//! What of an event is searched, and what it replaces.

use hearth_rooms::{Event, Relation};
use ruma::OwnedEventId;
use serde::{Deserialize, de::DeserializeOwned};

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Key {
    /// `content.body` of `m.room.message`.
    Body,
    /// `content.name` of `m.room.name`.
    Name,
    /// `content.topic` of `m.room.topic`, and the plain text of its `m.topic`.
    Topic,
}

/// The text that an event is found by, itself or by what replaces it, and where it stands.
pub fn text_of(event: &Event, replacement: Option<&Event>) -> Option<(Key, String)> {
    match (event.pdu.type_str(), event.pdu.is_state()) {
        ("m.room.message", false) => {
            let body = match replacement {
                Some(replacement) => content::<Replacement>(replacement)?.new_content.body,
                None => content::<Message>(event)?.body,
            };
            Some((Key::Body, body))
        }
        ("m.room.name", true) => Some((Key::Name, content::<Name>(event)?.name)),
        ("m.room.topic", true) => Some((Key::Topic, content::<Topic>(event)?.text())),
        _ => None,
    }
}

/// Which event one replaces, if it is a replacement: then it is not found itself.
pub(super) fn replaces(event: &Event) -> Option<OwnedEventId> {
    if event.pdu.is_state() {
        return None;
    }
    let relation = Relation::of(event.pdu.content_str())?;
    (relation.rel_type == "m.replace").then_some(relation.parent)
}

#[derive(Deserialize)]
struct Message {
    body: String,
}

#[derive(Deserialize)]
struct Replacement {
    #[serde(rename = "m.new_content")]
    new_content: Message,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Topic {
    #[serde(default)]
    topic: String,
    #[serde(rename = "m.topic", default)]
    rich: RichTopic,
}

#[derive(Deserialize, Default)]
struct RichTopic {
    #[serde(rename = "m.text", default)]
    texts: Vec<Representation>,
}

#[derive(Deserialize)]
struct Representation {
    mimetype: Option<String>,
    body: String,
}

impl Topic {
    fn text(self) -> String {
        let is_plain =
            |text: &Representation| text.mimetype.as_deref().is_none_or(|mimetype| mimetype == "text/plain");
        match self.rich.texts.into_iter().find(is_plain) {
            // Mostly the same text twice.
            Some(plain) if plain.body != self.topic => format!("{}\n{}", self.topic, plain.body),
            _ => self.topic,
        }
    }
}

fn content<T: DeserializeOwned>(event: &Event) -> Option<T> {
    serde_json::from_str(event.pdu.content_str()).ok()
}
