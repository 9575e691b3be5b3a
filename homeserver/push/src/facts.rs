//! What there is to know of an event, whoever judges it.

use std::{borrow::Cow, sync::Arc};

use hearth_rooms::{Event, Room, RoomError};
use hearth_storage::{EventNid, TimelineOrder, weight::of_text};
use ruma::{OwnedEventId, OwnedUserId, UserId};
use serde::Deserialize;

/// Of an event that names more users than this it is not remembered whom it names.
const NAMED: usize = 32;
/// Of a message that does not say whom it mentions, so many bytes are remembered: who is named in a longer one has to be
/// found out for each user.
const BODY: usize = 1024;
/// How far relations are followed from an event to its thread.
const HOPS: usize = 3;

/// What there is to know of an event.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub order: TimelineOrder,
    pub nid: EventNid,
    pub sender: OwnedUserId,
    /// Whom it names: what they make of it is their own. `None` for too many to remember.
    named: Option<Box<[OwnedUserId]>>,
    /// What it says, in lower case, if it does not say whom it mentions: it may name anyone.
    body: Option<Box<str>>,
    /// Whether it relates to another event.
    pub is_related: bool,
    /// The root of the thread it is in.
    pub thread: Option<Arc<OwnedEventId>>,
    pub redacted: bool,
}

impl Facts {
    /// What there is to know of an event that stands at this place of a room's timeline.
    pub fn of(room: &Room, event: &Event, order: TimelineOrder) -> Result<Self, RoomError> {
        let relation = Relation::of(event.pdu.content_str());
        let body = body_without_mentions(event);
        let is_short = body.as_ref().is_none_or(|body| body.len() <= BODY);
        Ok(Self {
            order,
            nid: event.nid,
            sender: event.pdu.sender().to_owned(),
            named: named_in(event).filter(|_| is_short),
            body: body.filter(|_| is_short),
            is_related: relation.is_some(),
            thread: relation.map(|relation| thread_of(room, relation)).transpose()?.flatten().map(Arc::new),
            redacted: event.redacted_by.is_some(),
        })
    }

    /// Whether it names a user, or may.
    pub fn names(&self, user: &UserId) -> bool {
        self.named.as_ref().is_none_or(|named| named.iter().any(|named| named == user))
            || self.body.as_ref().is_some_and(|body| body.contains(&user.localpart().to_lowercase()))
    }

    /// About how many bytes it takes besides its place.
    pub fn bytes(&self) -> usize {
        let named = self.named.iter().flatten().map(|user| size_of::<OwnedUserId>() + of_text(user.as_str()));
        let thread = self.thread.iter().map(|root| size_of::<OwnedEventId>() + 2 * of_text(root.as_str()));
        let body = self.body.as_deref().map_or(0, of_text);
        body + of_text(self.sender.as_str()) + named.sum::<usize>() + thread.sum::<usize>()
    }
}

/// Whom an event names: those it mentions, and the user whose state it is; `None` for too many to remember.
fn named_in(event: &Event) -> Option<Box<[OwnedUserId]>> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.mentions")]
        mentions: Option<Mentions>,
    }
    #[derive(Deserialize)]
    struct Mentions {
        #[serde(default)]
        user_ids: Vec<serde_json::Value>,
    }
    let mut named = Vec::new();
    let content = event.pdu.content_str();
    if content.contains("\"m.mentions\"")
        && let Ok(Content { mentions: Some(mentions) }) = serde_json::from_str(content)
    {
        let users = mentions.user_ids.iter().filter_map(|user| user.as_str()?.try_into().ok());
        named.extend(users);
    }
    named.extend(event.pdu.state_key().and_then(|key| OwnedUserId::try_from(key).ok()));
    (named.len() <= NAMED).then(|| named.into())
}

/// What an event says, in lower case, if it does not say whom it mentions.
fn body_without_mentions(event: &Event) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        body: Cow<'a, str>,
    }
    let content = event.pdu.content_str();
    if !content.contains("\"body\"") || content.contains("\"m.mentions\"") {
        return None;
    }
    let Content { body } = serde_json::from_str(content).ok()?;
    Some(body.to_lowercase().into())
}

/// What an event relates to.
struct Relation {
    rel_type: String,
    parent: OwnedEventId,
}

impl Relation {
    fn of(content: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: RelatesTo,
        }
        #[derive(Deserialize)]
        struct RelatesTo {
            rel_type: String,
            event_id: OwnedEventId,
        }
        // Most relate to nothing: look before parsing.
        if !content.contains("\"m.relates_to\"") {
            return None;
        }
        let Content { relates_to } = serde_json::from_str(content).ok()?;
        Some(Self { rel_type: relates_to.rel_type, parent: relates_to.event_id })
    }
}

fn thread_of(room: &Room, mut relation: Relation) -> Result<Option<OwnedEventId>, RoomError> {
    for _ in 0..HOPS {
        if relation.rel_type == "m.thread" {
            return Ok(Some(relation.parent));
        }
        let parent = room.event(&relation.parent)?;
        match parent.and_then(|parent| Relation::of(parent.pdu.content_str())) {
            Some(next) => relation = next,
            None => break,
        }
    }
    Ok(None)
}
