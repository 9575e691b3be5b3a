//! Events in the format of the client-server API ("Room event format"), written as raw JSON.

use std::fmt::Write as _;

use ruma::events::TimelineEventType;
use serde_json::value::RawValue;

use crate::{
    canonical_json::write_string,
    pdu::{Pdu, STICKY},
};

/// What a client event has beyond the event itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientForm<'a> {
    /// Whether `room_id` is written; `/sync` leaves it out.
    pub with_room_id: bool,
    /// `unsigned` as the text of a JSON object.
    pub unsigned: Option<&'a str>,
}

/// Appends the event in the format clients see it in.
///
/// What a redaction redacts is written both where the room version keeps it and where clients of
/// the other versions look for it (client-server API, "m.room.redaction").
pub fn write_client_event(out: &mut String, pdu: &Pdu, form: ClientForm<'_>) {
    out.reserve(pdu.content_str().len() + 320);
    out.push_str("{\"type\":");
    write_string(out, pdu.type_str());
    out.push_str(",\"sender\":");
    write_string(out, pdu.sender().as_str());
    out.push_str(",\"content\":");
    write_content(out, pdu);
    if let Some(key) = pdu.state_key() {
        out.push_str(",\"state_key\":");
        write_string(out, key);
    }
    out.push_str(",\"event_id\":");
    write_string(out, pdu.event_id().as_str());
    // Writing to a string cannot fail.
    let _ = write!(out, ",\"origin_server_ts\":{}", pdu.origin_server_ts().get());
    if form.with_room_id {
        out.push_str(",\"room_id\":");
        write_string(out, pdu.room_id().as_str());
    }
    if let Some(id) = pdu.redacts() {
        out.push_str(",\"redacts\":");
        write_string(out, id.as_str());
    }
    if let Some(duration) = pdu.sticky() {
        let _ = write!(out, ",\"{STICKY}\":{{\"duration_ms\":{duration}}}");
    }
    if let Some(unsigned) = form.unsigned {
        out.push_str(",\"unsigned\":");
        out.push_str(unsigned);
    }
    out.push('}');
}

/// The event as a JSON value of its own.
pub fn client_event(pdu: &Pdu, form: ClientForm<'_>) -> Box<RawValue> {
    let mut out = String::new();
    write_client_event(&mut out, pdu, form);
    raw(out)
}

/// The event as invited and knocking users see the room's state (client-server API, "Stripped
/// state").
pub fn stripped_state_event(pdu: &Pdu) -> Box<RawValue> {
    let mut out = String::with_capacity(pdu.content_str().len() + 160);
    out.push_str("{\"type\":");
    write_string(&mut out, pdu.type_str());
    out.push_str(",\"state_key\":");
    write_string(&mut out, pdu.state_key().unwrap_or_default());
    out.push_str(",\"sender\":");
    write_string(&mut out, pdu.sender().as_str());
    out.push_str(",\"content\":");
    out.push_str(pdu.content_str());
    out.push('}');
    raw(out)
}

fn write_content(out: &mut String, pdu: &Pdu) {
    let content = pdu.content_str();
    match pdu.redacts() {
        Some(id)
            if *pdu.event_type() == TimelineEventType::RoomRedaction
                && !pdu.version().rules().redaction.content_field_redacts =>
        {
            // A `redacts` that such a content happens to have is not the one that counts.
            let content = crate::canonical_json::parse_object(content, crate::pdu::numbers(pdu.version()));
            let Ok(content) = content else {
                return out.push_str(pdu.content_str());
            };
            let mut first = true;
            out.push('{');
            crate::canonical_json::write_key(out, "redacts", &mut first);
            write_string(out, id.as_str());
            for (key, value) in content.iter().filter(|(key, _)| *key != "redacts") {
                crate::canonical_json::write_key(out, key, &mut first);
                value.write(out);
            }
            out.push('}');
        }
        _ => out.push_str(content),
    }
}

fn raw(text: String) -> Box<RawValue> {
    // The text was written above and is JSON.
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
