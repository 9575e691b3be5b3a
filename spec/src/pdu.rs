//! An event as a server holds it.

use std::sync::{Arc, OnceLock};

use ruma::{
    EventId, IdParseError, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UInt,
    UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    RoomVersion,
    canonical_json::{self, CanonicalJsonError, Numbers, Object},
    content::{AuthContent, Membership},
};

mod parse;
mod template;

pub use template::EventTemplate;

/// The largest event, in bytes of its canonical JSON with signatures (client-server API, "Size
/// limits").
pub const MAX_PDU_BYTES: usize = 65_536;
/// The longest event id, room id, sender, type and state key, in bytes.
pub const MAX_ID_BYTES: usize = 255;
/// How many auth events an event may name (server-server API, "PDUs").
pub const MAX_AUTH_EVENTS: usize = 10;
/// How many previous events an event may name.
pub const MAX_PREV_EVENTS: usize = 20;
/// For how long an event may be sticky, in milliseconds
/// ([MSC4354](https://github.com/matrix-org/matrix-spec-proposals/pull/4354)).
pub const MAX_STICKY_MS: u32 = 60 * 60 * 1000;
/// The key at the top level of a sticky event, by its unstable name.
pub(crate) const STICKY: &str = "msc4354_sticky";

/// Why a text is not an event of its room version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PduError {
    #[error(transparent)]
    CanonicalJson(#[from] CanonicalJsonError),
    #[error("the event is {0} bytes; at most {MAX_PDU_BYTES} are allowed")]
    TooLarge(usize),
    #[error("`{0}` is longer than {MAX_ID_BYTES} bytes")]
    TooLong(&'static str),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{field}` is not {expected}")]
    WrongType { field: &'static str, expected: &'static str },
    #[error("`{field}` is not a valid identifier: {source}")]
    InvalidId { field: &'static str, source: IdParseError },
    #[error("`{0}` names too many events")]
    TooManyReferences(&'static str),
    #[error("`{0}` is not allowed here in this room version")]
    NotAllowed(&'static str),
}

impl PduError {
    /// Whether the event is too large, which clients are told as `M_TOO_LARGE`.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge(_) | Self::TooLong(_))
    }
}

/// An event with its id: immutable, and cheap to read.
///
/// It holds one text, the canonical JSON of the whole event, and where in it the parts are.
#[derive(Debug)]
pub struct Pdu {
    version: RoomVersion,
    text: Arc<str>,
    event_id: OwnedEventId,
    room_id: OwnedRoomId,
    sender: OwnedUserId,
    event_type: TimelineEventType,
    type_text: Text,
    state_key: Option<Text>,
    content: Span,
    unsigned: Option<Span>,
    prev_events: Box<[OwnedEventId]>,
    auth_events: Box<[OwnedEventId]>,
    redacts: Option<OwnedEventId>,
    /// For how many milliseconds it is sticky.
    sticky: Option<u32>,
    depth: u64,
    origin_server_ts: UInt,
    /// What the authorization rules read of the content, parsed at the first use.
    auth_content: OnceLock<Box<AuthContent>>,
}

/// A part of the text, in bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of(self, text: &str) -> &str {
        // The bounds come from the reader of the same text.
        &text[self.start as usize..self.end as usize]
    }
}

/// A string of the event: as it stands in the text, or without its escapes.
#[derive(Clone, Debug)]
enum Text {
    Within(Span),
    Unescaped(Box<str>),
}

impl Text {
    fn of<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::Within(span) => span.of(text),
            Self::Unescaped(unescaped) => unescaped,
        }
    }
}

impl Pdu {
    pub fn version(&self) -> RoomVersion {
        self.version
    }

    pub fn event_id(&self) -> &EventId {
        &self.event_id
    }

    pub fn event_id_owned(&self) -> &OwnedEventId {
        &self.event_id
    }

    /// The room of the event. In room version 12 that of a create event is made of its own id.
    pub fn room_id(&self) -> &RoomId {
        &self.room_id
    }

    pub fn sender(&self) -> &UserId {
        &self.sender
    }

    /// The type for comparing. Do not write it out: unlike [`Self::type_str`] it may name an
    /// unstable type by its stable name.
    pub fn event_type(&self) -> &TimelineEventType {
        &self.event_type
    }

    /// The type exactly as the sender wrote it.
    pub fn type_str(&self) -> &str {
        self.type_text.of(&self.text)
    }

    pub fn state_key(&self) -> Option<&str> {
        self.state_key.as_ref().map(|key| key.of(&self.text))
    }

    pub fn is_state(&self) -> bool {
        self.state_key.is_some()
    }

    /// Whether it is the state event of that type and key.
    pub fn is_state_of(&self, event_type: &StateEventType, state_key: &str) -> bool {
        self.state_key() == Some(state_key) && StateEventType::from(self.type_str()) == *event_type
    }

    pub fn content(&self) -> &RawValue {
        // The text was read as JSON when the event was made, so this only looks for its end.
        serde_json::from_str(self.content_str()).unwrap_or(RawValue::NULL)
    }

    /// The canonical JSON text of the content.
    pub fn content_str(&self) -> &str {
        self.content.of(&self.text)
    }

    pub fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        MilliSecondsSinceUnixEpoch(self.origin_server_ts)
    }

    pub fn prev_events(&self) -> &[OwnedEventId] {
        &self.prev_events
    }

    pub fn auth_events(&self) -> &[OwnedEventId] {
        &self.auth_events
    }

    pub fn depth(&self) -> u64 {
        self.depth
    }

    /// The event a redaction redacts, from where its room version keeps it.
    pub fn redacts(&self) -> Option<&EventId> {
        self.redacts.as_deref()
    }

    /// For how many milliseconds the event is sticky, from when it was sent or came (MSC4354). Redaction ends it.
    pub fn sticky(&self) -> Option<u32> {
        self.sticky
    }

    /// `unsigned` as it came with the event, if it did.
    pub fn unsigned(&self) -> Option<&RawValue> {
        self.unsigned.and_then(|span| serde_json::from_str(span.of(&self.text)).ok())
    }

    /// The canonical JSON of the whole event, with `event_id` in room versions 1 and 2 only.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    pub fn text_arc(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The membership of an `m.room.member` state event; `None` for any other and for one that is
    /// not known to the room version's rules.
    pub fn membership(&self) -> Option<Membership> {
        match self.auth_content() {
            AuthContent::Member(member) if self.is_state() => member.membership,
            _ => None,
        }
    }

    /// About how many bytes of memory the event takes.
    pub fn weight(&self) -> usize {
        let ids = |ids: &[OwnedEventId]| -> usize {
            ids.iter().map(|id| id.as_str().len() + size_of::<OwnedEventId>()).sum()
        };
        size_of::<Self>()
            + self.text.len()
            + self.event_id.as_str().len()
            + self.room_id.as_str().len()
            + self.sender.as_str().len()
            + ids(&self.prev_events)
            + ids(&self.auth_events)
            + self.auth_content.get().map_or(0, |content| content.weight())
    }

    /// The event as a tree.
    pub fn to_object(&self) -> Result<Object<'_>, CanonicalJsonError> {
        canonical_json::parse_object(&self.text, numbers(self.version))
    }

    pub(crate) fn auth_content(&self) -> &AuthContent {
        self.auth_content.get_or_init(|| Box::new(AuthContent::of(self)))
    }
}

impl Clone for Pdu {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            text: Arc::clone(&self.text),
            event_id: self.event_id.clone(),
            room_id: self.room_id.clone(),
            sender: self.sender.clone(),
            event_type: self.event_type.clone(),
            type_text: self.type_text.clone(),
            state_key: self.state_key.clone(),
            content: self.content,
            unsigned: self.unsigned,
            prev_events: self.prev_events.clone(),
            auth_events: self.auth_events.clone(),
            redacts: self.redacts.clone(),
            sticky: self.sticky,
            depth: self.depth,
            origin_server_ts: self.origin_server_ts,
            auth_content: OnceLock::new(),
        }
    }
}

/// Two events are the same when they have the same id and text: a redacted one is another.
impl PartialEq for Pdu {
    fn eq(&self, other: &Self) -> bool {
        self.event_id == other.event_id && self.text == other.text
    }
}

impl Eq for Pdu {}

/// Which numbers events of the room version may hold.
pub(crate) fn numbers(version: RoomVersion) -> Numbers {
    if version.strict_canonical_json() { Numbers::Integers } else { Numbers::Any }
}
