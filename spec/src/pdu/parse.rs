//! Reading an event: from the network with every limit, or from our own disk without.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use ruma::{IdParseError, OwnedEventId, OwnedRoomId, UInt, UserId, events::TimelineEventType};

use super::{
    MAX_AUTH_EVENTS, MAX_ID_BYTES, MAX_PDU_BYTES, MAX_PREV_EVENTS, MAX_STICKY_MS, Pdu, PduError, STICKY,
    Span, Text, numbers,
};
use crate::{
    RoomVersion,
    canonical_json::{self, CanonicalJsonError, Numbers, Parser},
    redaction::{self, Signatures},
    reference_hash::{event_id_of_hash, reference_hash_of_text},
    room_version::EventIdFormat,
};

impl Pdu {
    /// Reads an event from another server, with every limit of the specification, and computes its
    /// id where the room version derives it. Signatures, hashes and authorization are not checked.
    pub fn parse(version: RoomVersion, json: &str) -> Result<Self, PduError> {
        let event = canonical_json::parse_object(json, numbers(version))?;
        let mut text = String::with_capacity(json.len());
        event.write(&mut text);
        if text.len() > MAX_PDU_BYTES {
            return Err(PduError::TooLarge(text.len()));
        }
        let event_id = match version.event_id_format() {
            EventIdFormat::Chosen => {
                let id = event.get("event_id").ok_or(PduError::Missing("event_id"))?;
                let id = id.as_str().ok_or(wrong_type("event_id", "a string"))?;
                OwnedEventId::try_from(id).map_err(invalid_id("event_id"))?
            }
            format => {
                let mut redacted = String::with_capacity(text.len());
                redaction::write_redacted(version, &event, Signatures::Without, &mut redacted);
                event_id_of_hash(&reference_hash_of_text(&redacted), format)
                    .map_err(invalid_id("event_id"))?
            }
        };
        for field in ["hashes", "signatures"] {
            if event.get_object(field).is_none() {
                return Err(match event.get(field) {
                    None => PduError::Missing(field),
                    Some(_) => wrong_type(field, "an object"),
                });
            }
        }
        let pdu = Self::read(version, text.into(), event_id)?;
        pdu.check_limits()?;
        Ok(pdu)
    }

    /// Takes an event from our own disk: nothing is checked again and nothing hashed, only the
    /// parts are found. `text` must be what [`Pdu::text`] gave.
    pub fn from_stored(
        version: RoomVersion,
        text: Arc<str>,
        event_id: OwnedEventId,
    ) -> Result<Self, PduError> {
        Self::read(version, text, event_id)
    }

    pub(super) fn check_limits(&self) -> Result<(), PduError> {
        if self.text.len() > MAX_PDU_BYTES {
            return Err(PduError::TooLarge(self.text.len()));
        }
        for (field, length) in [
            ("event_id", self.event_id.as_str().len()),
            ("room_id", self.room_id.as_str().len()),
            ("sender", self.sender.as_str().len()),
            ("type", self.type_str().len()),
            ("state_key", self.state_key().map_or(0, str::len)),
        ] {
            if length > MAX_ID_BYTES {
                return Err(PduError::TooLong(field));
            }
        }
        if self.prev_events.len() > MAX_PREV_EVENTS {
            return Err(PduError::TooManyReferences("prev_events"));
        }
        if self.auth_events.len() > MAX_AUTH_EVENTS {
            return Err(PduError::TooManyReferences("auth_events"));
        }
        if self.depth > self.version.max_depth() {
            return Err(wrong_type("depth", "within the range of the room version"));
        }
        Ok(())
    }

    fn read(version: RoomVersion, text: Arc<str>, event_id: OwnedEventId) -> Result<Self, PduError> {
        let mut fields = Fields::find(&text)?;
        let type_text = required(fields.event_type.take(), "type")?;
        let event_type = TimelineEventType::from(&*type_text.value);
        let sender = required(fields.sender, "sender")?;
        let sender = UserId::parse(&*sender.value).map_err(invalid_id("sender"))?;
        let content = required(fields.content, "content")?;
        if !content.of(&text).starts_with('{') {
            return Err(wrong_type("content", "an object"));
        }
        let is_create = event_type == TimelineEventType::RoomCreate;
        let room_id = match fields.room_id {
            Some(_) if is_create && version.room_id_is_create_event_id() => {
                return Err(PduError::NotAllowed("room_id"));
            }
            Some(id) => OwnedRoomId::try_from(&*id.value),
            None if is_create && version.room_id_is_create_event_id() => {
                OwnedRoomId::try_from(format!("!{}", &event_id.as_str()[1..]))
            }
            None => return Err(PduError::Missing("room_id")),
        }
        .map_err(invalid_id("room_id"))?;
        let redacts = match event_type {
            TimelineEventType::RoomRedaction if version.rules().redaction.content_field_redacts => {
                string_in(content.of(&text), "redacts")
            }
            TimelineEventType::RoomRedaction => fields.redacts.map(|id| id.value),
            _ => None,
        }
        .and_then(|id| OwnedEventId::try_from(&*id).ok());
        let references =
            |span: Option<Span>, field| read_references(version, required(span, field)?.of(&text), field);
        let number = |span: Option<Span>, field| -> Result<u64, PduError> {
            let digits = required(span, field)?.of(&text);
            digits.parse().map_err(|_| wrong_type(field, "a non-negative integer"))
        };
        let depth = number(fields.depth, "depth")?;
        let origin_server_ts = UInt::new(number(fields.origin_server_ts, "origin_server_ts")?)
            .ok_or(wrong_type("origin_server_ts", "within 2^53 milliseconds"))?;
        Ok(Self {
            version,
            prev_events: references(fields.prev_events, "prev_events")?,
            auth_events: references(fields.auth_events, "auth_events")?,
            event_id,
            room_id,
            sender,
            event_type,
            type_text: type_text.into_text(),
            state_key: fields.state_key.map(FoundString::into_text),
            content,
            unsigned: fields.unsigned,
            redacts,
            sticky: fields.sticky.and_then(|span| sticky_duration(span.of(&text))),
            depth,
            origin_server_ts,
            auth_content: OnceLock::new(),
            text: Arc::clone(&text),
        })
    }
}

/// Where the parts of an event are in its text.
#[derive(Default)]
struct Fields<'a> {
    event_type: Option<FoundString<'a>>,
    state_key: Option<FoundString<'a>>,
    sender: Option<FoundString<'a>>,
    room_id: Option<FoundString<'a>>,
    redacts: Option<FoundString<'a>>,
    sticky: Option<Span>,
    content: Option<Span>,
    unsigned: Option<Span>,
    prev_events: Option<Span>,
    auth_events: Option<Span>,
    depth: Option<Span>,
    origin_server_ts: Option<Span>,
}

struct FoundString<'a> {
    value: Cow<'a, str>,
    /// With its quotes.
    span: Span,
}

impl FoundString<'_> {
    fn into_text(self) -> Text {
        match self.value {
            Cow::Borrowed(_) => Text::Within(Span { start: self.span.start + 1, end: self.span.end - 1 }),
            Cow::Owned(text) => Text::Unescaped(text.into()),
        }
    }
}

impl<'a> Fields<'a> {
    fn find(text: &'a str) -> Result<Self, PduError> {
        let mut fields = Self::default();
        let mut wrong = None;
        // The numbers were judged when the event was parsed.
        let mut parser = Parser::new(text, Numbers::Any);
        parser.object(|parser, key| {
            let span = span(parser.skip()?)?;
            let found = |wrong: &mut Option<&'static str>, field| {
                let mut parser = Parser::new(span.of(text), Numbers::Any);
                match parser.string() {
                    Ok(value) => Some(FoundString { value, span }),
                    Err(_) => {
                        *wrong = Some(field);
                        None
                    }
                }
            };
            match &*key {
                "type" => fields.event_type = found(&mut wrong, "type"),
                "state_key" => fields.state_key = found(&mut wrong, "state_key"),
                "sender" => fields.sender = found(&mut wrong, "sender"),
                "room_id" => fields.room_id = found(&mut wrong, "room_id"),
                // In rooms where it has no meaning it may be anything.
                "redacts" => fields.redacts = found(&mut None, "redacts"),
                STICKY => fields.sticky = Some(span),
                "content" => fields.content = Some(span),
                "unsigned" => fields.unsigned = Some(span),
                "prev_events" => fields.prev_events = Some(span),
                "auth_events" => fields.auth_events = Some(span),
                "depth" => fields.depth = Some(span),
                "origin_server_ts" => fields.origin_server_ts = Some(span),
                _ => {}
            }
            Ok(())
        })?;
        parser.end()?;
        match wrong {
            Some(field) => Err(wrong_type(field, "a string")),
            None => Ok(fields),
        }
    }
}

fn span((start, end): (usize, usize)) -> Result<Span, CanonicalJsonError> {
    match (u32::try_from(start), u32::try_from(end)) {
        (Ok(start), Ok(end)) => Ok(Span { start, end }),
        _ => Err(CanonicalJsonError::OutOfRange { at: start }),
    }
}

/// `prev_events` or `auth_events`: ids, or in room versions 1 and 2 pairs of an id and hashes.
fn read_references(
    version: RoomVersion,
    text: &str,
    field: &'static str,
) -> Result<Box<[OwnedEventId]>, PduError> {
    let mut ids = Vec::new();
    let mut invalid = None;
    let mut keep = |id: Cow<'_, str>| match OwnedEventId::try_from(&*id) {
        Ok(id) => ids.push(id),
        Err(source) => invalid = Some(source),
    };
    let mut parser = Parser::new(text, Numbers::Any);
    let read = parser.array(|parser| {
        parser.next_byte();
        if version.references_are_pairs() {
            let mut index = 0;
            parser.array(|parser| {
                index += 1;
                parser.next_byte();
                match index {
                    1 => parser.string().map(&mut keep),
                    2 => parser.object(|parser, _| parser.skip().map(|_| ())),
                    _ => Err(CanonicalJsonError::NotAnObject),
                }
            })?;
            if index == 2 { Ok(()) } else { Err(CanonicalJsonError::NotAnObject) }
        } else {
            parser.string().map(&mut keep)
        }
    });
    match (read, invalid) {
        (Ok(()), None) => Ok(ids.into()),
        (Ok(()), Some(source)) => Err(PduError::InvalidId { field, source }),
        (Err(_), _) => Err(wrong_type(field, "a list of event references")),
    }
}

/// For how many milliseconds an event is sticky that has this at its top level; `None` for what says nothing of it.
fn sticky_duration(object: &str) -> Option<u32> {
    let object: serde_json::Value = serde_json::from_str(object).ok()?;
    let duration = object.get("duration_ms")?.as_u64()?;
    Some(duration.min(MAX_STICKY_MS.into()) as u32)
}

/// The string at a key of an object, if it is there and a string.
pub(crate) fn string_in<'a>(object: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let mut found = None;
    let mut parser = Parser::new(object, Numbers::Any);
    parser
        .object(|parser, key| {
            if key == wanted && parser.next_byte() == Some(b'"') {
                found = Some(parser.string()?);
                return Ok(());
            }
            parser.skip().map(|_| ())
        })
        .ok()?;
    found
}

fn required<T>(field: Option<T>, name: &'static str) -> Result<T, PduError> {
    field.ok_or(PduError::Missing(name))
}

fn wrong_type(field: &'static str, expected: &'static str) -> PduError {
    PduError::WrongType { field, expected }
}

fn invalid_id(field: &'static str) -> impl Fn(IdParseError) -> PduError {
    move |source| PduError::InvalidId { field, source }
}
