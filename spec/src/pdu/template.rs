//! Making an event: the path every message of our own users takes, so that it writes the
//! canonical text by hand, once for each hash.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, ServerName, UInt, events::TimelineEventType};
use serde_json::value::RawValue;

use super::{Pdu, PduError, STICKY, Span, Text, numbers};
use crate::{
    RoomVersion,
    canonical_json::{self, Value, write_string},
    keys::SigningKey,
    redaction,
    reference_hash::{event_id_of_hash, reference_hash_of_text, unpadded_base64},
    room_version::EventIdFormat,
};

/// An event before it has hashes, signatures and an id.
#[derive(Clone, Debug)]
pub struct EventTemplate {
    pub event_type: String,
    /// `Some` makes it a state event.
    pub state_key: Option<String>,
    pub content: Box<RawValue>,
    pub sender: OwnedUserId,
    /// `None` for the create event of a version 12 room, whose id becomes the room's.
    pub room_id: Option<OwnedRoomId>,
    /// Milliseconds since the Unix epoch.
    pub origin_server_ts: u64,
    pub prev_events: Vec<OwnedEventId>,
    pub auth_events: Vec<OwnedEventId>,
    pub depth: u64,
    /// What a redaction redacts; it is written where the room version keeps it.
    pub redacts: Option<OwnedEventId>,
    /// For how many milliseconds the event is sticky, at most [`MAX_STICKY_MS`](super::MAX_STICKY_MS) (MSC4354).
    pub sticky: Option<u32>,
    /// The part of the event id before the server, for room versions 1 and 2 only: there the
    /// sending server chooses it, and it must be unique.
    pub event_id_localpart: Option<String>,
}

impl EventTemplate {
    /// Hashes and signs the event and gives it its id (server-server API, "Signing events").
    ///
    /// In room versions 1 and 2 the references to other events carry empty hashes: they were meant
    /// to hold the referenced event's hash, but no server compares it, and those that no longer
    /// have it send the same.
    pub fn seal(
        self,
        version: RoomVersion,
        server_name: &ServerName,
        key: &SigningKey,
    ) -> Result<Pdu, PduError> {
        let event_type = TimelineEventType::from(self.event_type.as_str());
        let chosen_id = self.chosen_id(version, server_name)?;
        self.check_room_id(version, &event_type)?;
        let content = self.canonical_content(version)?;
        let parts = Parts {
            event: &self,
            pairs: version.references_are_pairs(),
            event_id: chosen_id.as_ref(),
            // A redaction names its event in the content since version 11.
            redacts: if version.rules().redaction.content_field_redacts {
                None
            } else {
                self.redacts.as_ref()
            },
        };
        let capacity = content.text.len() + 1024;

        let mut text = String::with_capacity(capacity);
        parts.write(&mut text, &content.text, None, None, Keep::Everything);
        let content_hash = unpadded_base64(&reference_hash_of_text(&text));

        text.clear();
        let redacted = content.redacted.as_deref().unwrap_or(&content.text);
        parts.write(&mut text, redacted, Some(&content_hash), None, Keep::Redacted);
        let signature = key.sign_base64(text.as_bytes());
        let event_id = match (&chosen_id, version.event_id_format()) {
            (Some(id), _) => id.clone(),
            (None, format) => event_id_of_hash(&reference_hash_of_text(&text), format)
                .map_err(|source| PduError::InvalidId { field: "event_id", source })?,
        };

        text.clear();
        let signature = Signature { server_name, key, signature: &signature };
        let content_span =
            parts.write(&mut text, &content.text, Some(&content_hash), Some(&signature), Keep::Everything);

        let room_id = match &self.room_id {
            Some(id) => id.clone(),
            None => OwnedRoomId::try_from(format!("!{}", &event_id.as_str()[1..]))
                .map_err(|source| PduError::InvalidId { field: "room_id", source })?,
        };
        let redacts = if event_type == TimelineEventType::RoomRedaction {
            self.redacts.or(content.redacts)
        } else {
            None
        };
        let pdu = Pdu {
            version,
            text: Arc::from(text),
            event_id,
            room_id,
            sender: self.sender,
            event_type,
            type_text: Text::Unescaped(self.event_type.into()),
            state_key: self.state_key.map(|key| Text::Unescaped(key.into())),
            content: content_span,
            unsigned: None,
            prev_events: self.prev_events.into(),
            auth_events: self.auth_events.into(),
            redacts,
            sticky: self.sticky,
            depth: self.depth,
            origin_server_ts: UInt::new(self.origin_server_ts).ok_or(PduError::WrongType {
                field: "origin_server_ts",
                expected: "within 2^53 milliseconds",
            })?,
            auth_content: OnceLock::new(),
        };
        pdu.check_limits()?;
        Ok(pdu)
    }

    fn chosen_id(
        &self,
        version: RoomVersion,
        server_name: &ServerName,
    ) -> Result<Option<OwnedEventId>, PduError> {
        match (version.event_id_format(), &self.event_id_localpart) {
            (EventIdFormat::Chosen, Some(localpart)) => {
                OwnedEventId::try_from(format!("${localpart}:{server_name}"))
                    .map(Some)
                    .map_err(|source| PduError::InvalidId { field: "event_id", source })
            }
            (EventIdFormat::Chosen, None) => Err(PduError::Missing("event_id")),
            (_, _) => Ok(None),
        }
    }

    fn check_room_id(&self, version: RoomVersion, event_type: &TimelineEventType) -> Result<(), PduError> {
        let own_id = version.room_id_is_create_event_id() && *event_type == TimelineEventType::RoomCreate;
        match (&self.room_id, own_id) {
            (Some(_), true) => Err(PduError::NotAllowed("room_id")),
            (None, false) => Err(PduError::Missing("room_id")),
            _ => Ok(()),
        }
    }

    fn canonical_content(&self, version: RoomVersion) -> Result<Content, PduError> {
        let rules = &version.rules().redaction;
        let mut content = canonical_json::parse_object(self.content.get(), numbers(version))?;
        if let Some(redacts) = &self.redacts
            && rules.content_field_redacts
        {
            content.insert("redacts", Value::String(redacts.as_str().into()));
        }
        let mut text = String::with_capacity(self.content.get().len() + 64);
        content.write(&mut text);
        let redacted = if redaction::empties_content(version, &self.event_type) {
            "{}".to_owned()
        } else {
            let mut redacted = String::with_capacity(text.len());
            redaction::write_redacted_content(version, &self.event_type, &content, &mut redacted);
            redacted
        };
        let redacts = rules
            .content_field_redacts
            .then(|| content.get_str("redacts"))
            .flatten()
            .and_then(|id| OwnedEventId::try_from(id).ok());
        Ok(Content { redacted: (redacted != text).then_some(redacted), text, redacts })
    }
}

struct Content {
    text: String,
    /// After redaction, if that changes it.
    redacted: Option<String>,
    redacts: Option<OwnedEventId>,
}

struct Signature<'a> {
    server_name: &'a ServerName,
    key: &'a SigningKey,
    signature: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Everything,
    /// Without the top-level keys that redaction removes.
    Redacted,
}

/// The top level of an event, written in the canonical order of its keys.
struct Parts<'a> {
    event: &'a EventTemplate,
    pairs: bool,
    event_id: Option<&'a OwnedEventId>,
    redacts: Option<&'a OwnedEventId>,
}

impl Parts<'_> {
    /// Appends the event; gives where the content is.
    fn write(
        &self,
        out: &mut String,
        content: &str,
        hash: Option<&str>,
        signature: Option<&Signature<'_>>,
        keep: Keep,
    ) -> Span {
        let event = self.event;
        out.push_str("{\"auth_events\":");
        self.write_references(out, &event.auth_events);
        out.push_str(",\"content\":");
        let start = out.len();
        out.push_str(content);
        let end = out.len();
        // Writing to a string cannot fail.
        let _ = write!(out, ",\"depth\":{}", event.depth);
        if let Some(id) = self.event_id {
            out.push_str(",\"event_id\":");
            write_string(out, id.as_str());
        }
        if let Some(hash) = hash {
            out.push_str(",\"hashes\":{\"sha256\":\"");
            out.push_str(hash);
            out.push_str("\"}");
        }
        if let Some(duration) = event.sticky
            && keep == Keep::Everything
        {
            let _ = write!(out, ",\"{STICKY}\":{{\"duration_ms\":{duration}}}");
        }
        let _ = write!(out, ",\"origin_server_ts\":{}", event.origin_server_ts);
        out.push_str(",\"prev_events\":");
        self.write_references(out, &event.prev_events);
        if let Some(id) = self.redacts
            && keep == Keep::Everything
        {
            out.push_str(",\"redacts\":");
            write_string(out, id.as_str());
        }
        if let Some(id) = &event.room_id {
            out.push_str(",\"room_id\":");
            write_string(out, id.as_str());
        }
        out.push_str(",\"sender\":");
        write_string(out, event.sender.as_str());
        if let Some(signature) = signature {
            out.push_str(",\"signatures\":{");
            write_string(out, signature.server_name.as_str());
            out.push_str(":{");
            write_string(out, signature.key.key_id().as_str());
            out.push_str(":\"");
            out.push_str(signature.signature);
            out.push_str("\"}}");
        }
        if let Some(key) = &event.state_key {
            out.push_str(",\"state_key\":");
            write_string(out, key);
        }
        out.push_str(",\"type\":");
        write_string(out, &event.event_type);
        out.push('}');
        // The event is refused when it is longer than a span can say.
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: position(start), end: position(end) }
    }

    fn write_references(&self, out: &mut String, ids: &[OwnedEventId]) {
        out.push('[');
        for (index, id) in ids.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            if self.pairs {
                out.push('[');
            }
            write_string(out, id.as_str());
            if self.pairs {
                out.push_str(",{}]");
            }
        }
        out.push(']');
    }
}
