//! What redacting an event leaves of it, and who may (room versions, "Redactions" and "Handling
//! redactions").

use ruma::events::TimelineEventType;

use crate::{
    RoomVersion,
    canonical_json::{Object, Value, write_key},
    pdu::{Pdu, PduError},
    power_levels::PowerLevel,
};

/// Whether a redacted event is written with its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signatures {
    With,
    /// As hashing and signing need it.
    Without,
}

/// The event with only what the room version's redaction keeps; its id, hashes and signatures
/// stay valid, and `unsigned` goes.
pub fn redact(pdu: &Pdu, version: RoomVersion) -> Result<Pdu, PduError> {
    let event = pdu.to_object()?;
    let mut text = String::with_capacity(pdu.text().len());
    write_redacted(version, &event, Signatures::With, &mut text);
    Pdu::from_stored(version, text.into(), pdu.event_id_owned().clone())
}

/// Whether a redaction that passed the authorization rules is to be performed.
///
/// Room versions 1 and 2 judge that by their authorization rules alone. `sender_level` is the
/// power level of the redaction's sender, `redact_level` what the room asks, both by the state
/// at the redaction.
pub fn may_redact(
    version: RoomVersion,
    redaction: &Pdu,
    original: &Pdu,
    sender_level: PowerLevel,
    redact_level: PowerLevel,
) -> bool {
    // What redaction leaves of a create event does not carry its room before version 11, so that
    // servers agree to keep it whole.
    redaction.room_id() == original.room_id()
        && *original.event_type() != TimelineEventType::RoomCreate
        && (version.rules().authorization.special_case_room_redaction
            || sender_level >= redact_level
            || redaction.sender().server_name() == original.sender().server_name())
}

/// Whether redaction leaves nothing of the content of events of that type.
pub(crate) fn empties_content(version: RoomVersion, event_type: &str) -> bool {
    matches!(kept_content(version, event_type), Kept::Keys([], []))
}

/// Appends the canonical text of an event after redaction.
pub(crate) fn write_redacted(
    version: RoomVersion,
    event: &Object<'_>,
    signatures: Signatures,
    out: &mut String,
) {
    let old = version.rules().redaction.keep_origin_membership_prev_state;
    let kept = |key: &str| match key {
        "event_id" | "type" | "room_id" | "sender" | "state_key" | "content" | "hashes" | "depth"
        | "prev_events" | "auth_events" | "origin_server_ts" => true,
        "signatures" => signatures == Signatures::With,
        "origin" | "membership" | "prev_state" => old,
        _ => false,
    };
    out.push('{');
    let mut first = true;
    for (key, value) in event.iter().filter(|(key, _)| kept(key)) {
        write_key(out, key, &mut first);
        match value {
            Value::Object(content) if key == "content" => {
                let event_type = event.get_str("type").unwrap_or_default();
                write_redacted_content(version, event_type, content, out);
            }
            value => value.write(out),
        }
    }
    out.push('}');
}

/// Appends the canonical text of a content after redaction.
pub(crate) fn write_redacted_content(
    version: RoomVersion,
    event_type: &str,
    content: &Object<'_>,
    out: &mut String,
) {
    match kept_content(version, event_type) {
        Kept::All => content.write(out),
        Kept::Keys(always, since) => {
            let keep_signed = version.rules().redaction.keep_room_member_third_party_invite_signed
                && event_type == "m.room.member";
            out.push('{');
            let mut first = true;
            for (key, value) in content.iter() {
                if always.contains(&key) || since.contains(&key) {
                    write_key(out, key, &mut first);
                    value.write(out);
                } else if keep_signed
                    && key == "third_party_invite"
                    && let Value::Object(invite) = value
                {
                    write_key(out, key, &mut first);
                    invite.write_where(out, |key| key == "signed");
                }
            }
            out.push('}');
        }
    }
}

enum Kept {
    All,
    /// The keys every room version keeps, and those that this one does too.
    Keys(&'static [&'static str], &'static [&'static str]),
}

fn kept_content(version: RoomVersion, event_type: &str) -> Kept {
    let rules = &version.rules().redaction;
    let since = |kept: bool, keys: &'static [&'static str]| if kept { keys } else { &[] };
    match event_type {
        "m.room.member" => Kept::Keys(
            &["membership"],
            since(
                rules.keep_room_member_join_authorised_via_users_server,
                &["join_authorised_via_users_server"],
            ),
        ),
        "m.room.create" if rules.keep_room_create_content => Kept::All,
        "m.room.create" => Kept::Keys(&["creator"], &[]),
        "m.room.join_rules" => {
            Kept::Keys(&["join_rule"], since(rules.keep_room_join_rules_allow, &["allow"]))
        }
        "m.room.power_levels" => Kept::Keys(
            &["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"],
            since(rules.keep_room_power_levels_invite, &["invite"]),
        ),
        "m.room.history_visibility" => Kept::Keys(&["history_visibility"], &[]),
        "m.room.aliases" => Kept::Keys(&[], since(rules.keep_room_aliases_aliases, &["aliases"])),
        "m.room.redaction" => Kept::Keys(&[], since(rules.keep_room_redaction_redacts, &["redacts"])),
        _ => Kept::Keys(&[], &[]),
    }
}
