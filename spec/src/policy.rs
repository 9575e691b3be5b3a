//! Policy servers: what a room asks before an event becomes part of it (server-server API, "Policy Servers").

use ruma::{OwnedServerName, ServerName};
use serde::Deserialize;

use crate::{keys::PublicKey, pdu::Pdu, verify::is_signed_with};

/// The id of the key with which policy servers sign.
const KEY_ID: &str = "ed25519:policy_server";

/// The policy server that a room's state names.
#[derive(Clone, Debug)]
pub struct RoomPolicy {
    pub via: OwnedServerName,
    key: PublicKey,
}

impl RoomPolicy {
    /// Reads the content of `m.room.policy`; `None` where it names none.
    pub fn of_content(content: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            via: OwnedServerName,
            public_keys: Keys,
        }
        #[derive(Deserialize)]
        struct Keys {
            ed25519: String,
        }
        let content: Content = serde_json::from_str(content).ok()?;
        Some(Self { via: content.via, key: PublicKey::from_base64(&content.public_keys.ed25519).ok()? })
    }

    /// Whether an event of that type and state key is asked about: all are but the one that names the server, so that
    /// it can be taken away.
    pub fn concerns(event_type: &str, state_key: Option<&str>) -> bool {
        !(event_type == "m.room.policy" && state_key == Some(""))
    }

    /// Whether an event has the server's good signature, or needs none.
    pub fn recommends(&self, pdu: &Pdu) -> bool {
        !Self::concerns(pdu.type_str(), pdu.state_key()) || is_signed_with(pdu, &self.via, KEY_ID, &self.key)
    }

    /// The event with the signature that the server gave.
    pub fn signed(pdu: &Pdu, via: &ServerName, signature: &str) -> Result<Pdu, crate::PduError> {
        crate::verify::add_signature(pdu, via, KEY_ID, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_server() {
        let key = crate::SigningKey::generate([1; 32], "policy_server").expect("a key").public_key_base64();
        let good = format!(r#"{{"via":"policy.example","public_keys":{{"ed25519":"{key}"}}}}"#);
        assert_eq!(RoomPolicy::of_content(&good).expect("a server").via, "policy.example");
        for content in [
            "{}",
            r#"{"via":"policy.example"}"#,
            r#"{"via":"policy.example","public_keys":{}}"#,
            r#"{"via":"policy.example","public_keys":{"ed25519":"short"}}"#,
            r#"{"via":7,"public_keys":{"ed25519":"AAAA"}}"#,
        ] {
            assert!(RoomPolicy::of_content(content).is_none(), "{content}");
        }
    }

    #[test]
    fn all_but_what_names_the_server_is_asked_about() {
        assert!(RoomPolicy::concerns("m.room.message", None));
        assert!(RoomPolicy::concerns("m.room.policy", None));
        assert!(RoomPolicy::concerns("m.room.policy", Some("x")));
        assert!(!RoomPolicy::concerns("m.room.policy", Some("")));
    }
}
