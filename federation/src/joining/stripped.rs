//! Stripped state: what one is told of a room that one is not in.

use hearth_spec::{Pdu, stripped_state_event};
use ruma::{OwnedUserId, api::federation::membership::RawStrippedState};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How many events of it are kept, and how large it may be altogether, in bytes.
const MAX_EVENTS: usize = 100;
const MAX_BYTES: usize = 256 << 10;

#[derive(Deserialize, Serialize)]
struct Stripped<'a> {
    #[serde(rename = "type")]
    event_type: String,
    state_key: String,
    sender: OwnedUserId,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// The stripped state that came with an invite or a knock as clients are shown it: a JSON array. It comes as whole
/// events, or already stripped from servers before v1.16.
pub fn stripped_state(state: &[RawStrippedState]) -> String {
    format!("[{}]", joined(state))
}

/// The same with the user's own member event at its end.
pub(super) fn stripped_state_with(state: &[RawStrippedState], member: &Pdu) -> String {
    let (mut events, member) = (joined(state), stripped_state_event(member));
    if !events.is_empty() {
        events.push(',');
    }
    format!("[{events}{}]", member.get())
}

fn joined(state: &[RawStrippedState]) -> String {
    let mut events = String::new();
    for event in state.iter().take(MAX_EVENTS) {
        #[allow(deprecated)]
        let text = match event {
            RawStrippedState::Stripped(event) => event.json(),
            RawStrippedState::Pdu(event) => &**event,
            _ => continue,
        };
        let Ok(stripped) = serde_json::from_str::<Stripped<'_>>(text.get()) else { continue };
        let Ok(text) = serde_json::to_string(&stripped) else { continue };
        if events.len() + text.len() > MAX_BYTES {
            break;
        }
        if !events.is_empty() {
            events.push(',');
        }
        events.push_str(&text);
    }
    events
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn whole_events_are_stripped_and_what_is_no_state_is_left_out() {
        let whole = json!({
            "type": "m.room.name", "state_key": "", "sender": "@a:x", "content": { "name": "N" },
            "auth_events": [], "prev_events": [], "signatures": {}, "hashes": {}, "room_id": "!r:x",
        });
        let stripped = json!({ "type": "m.room.topic", "state_key": "", "sender": "@a:x", "content": {} });
        let message = json!({ "type": "m.room.message", "sender": "@a:x", "content": {} });
        let state: Vec<RawStrippedState> = serde_json::from_value(json!([whole, stripped, message])).unwrap();
        let array: Value = serde_json::from_str(&stripped_state(&state)).unwrap();
        assert_eq!(
            array,
            json!([
                { "type": "m.room.name", "state_key": "", "sender": "@a:x", "content": { "name": "N" } },
                stripped,
            ])
        );
        assert_eq!(stripped_state(&[]), "[]");
    }
}
