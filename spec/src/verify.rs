//! Who must have signed an event, and whether they did (server-server API, "Validating hashes and
//! signatures on received events").

use std::collections::BTreeSet;

use rayon::prelude::*;
use ruma::{OwnedServerName, ServerName, UserId, events::TimelineEventType};
use thiserror::Error;

use crate::{
    RoomVersion,
    canonical_json::{CanonicalJsonError, Object, Value},
    content::Membership,
    keys::{PublicKey, PublicKeys, SigningKey},
    pdu::{Pdu, PduError},
    redaction::{self, Signatures},
    reference_hash::{content_hash, decode_base64},
};

/// What verification found of an event whose signatures are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The content is what its server hashed.
    Intact,
    /// The content does not have the event's content hash: the redacted event takes its place.
    Redacted(Box<Pdu>),
}

impl Verified {
    /// The event to go on with.
    pub fn into_pdu(self, original: Pdu) -> Pdu {
        match self {
            Self::Intact => original,
            Self::Redacted(pdu) => *pdu,
        }
    }
}

/// Why an event is not verified. Such an event is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    #[error("no key of {0} is known that could verify the event")]
    UnknownKey(OwnedServerName),
    #[error("the event is not signed by {0}")]
    NotSigned(OwnedServerName),
    #[error("the signature of {0} is not valid")]
    BadSignature(OwnedServerName),
    #[error(transparent)]
    CanonicalJson(#[from] CanonicalJsonError),
    #[error(transparent)]
    Pdu(#[from] PduError),
}

/// The servers that must have signed an event: the sender's, in room versions 1 and 2 that of the
/// event id, and for a join to a restricted room that of the user who authorised it.
pub fn required_signers(version: RoomVersion, pdu: &Pdu) -> BTreeSet<OwnedServerName> {
    let mut servers = BTreeSet::new();
    let rules = &version.rules().signatures;
    let member = pdu.auth_content().as_member();
    // Such an invite is sent by whichever server learns of the binding; the third party's
    // signature stands for the sender's.
    let third_party_invite = member.is_some_and(|member| {
        member.membership == Some(Membership::Invite) && member.third_party_invite.is_some()
    });
    if !third_party_invite {
        servers.insert(pdu.sender().server_name().to_owned());
    }
    if rules.check_event_id_server
        && let Some(server) = pdu.event_id().server_name()
    {
        servers.insert(server.to_owned());
    }
    if rules.check_join_authorised_via_users_server
        && *pdu.event_type() == TimelineEventType::RoomMember
        && let Some(member) = member
        && member.membership == Some(Membership::Join)
        && let Some(user) = &member.join_authorised_via_users_server
        && let Ok(user) = <&UserId>::try_from(user.as_str())
    {
        servers.insert(user.server_name().to_owned());
    }
    servers
}

/// Verifies the signatures and the content hash of an event.
pub fn verify_pdu(version: RoomVersion, pdu: &Pdu, keys: &PublicKeys) -> Result<Verified, VerifyError> {
    let event = pdu.to_object()?;
    let signed = signed_text(version, &event);
    let valid_at = version.rules().enforce_key_validity.then(|| u64::from(pdu.origin_server_ts().get()));
    for server in required_signers(version, pdu) {
        let signatures = event
            .get_object("signatures")
            .and_then(|signatures| signatures.get_object(server.as_str()))
            .ok_or_else(|| VerifyError::NotSigned(server.clone()))?;
        let mut verifiable = false;
        let verified = signatures.iter().any(|(key_id, signature)| {
            let Some(key) = keys.get(&server, key_id, valid_at) else { return false };
            verifiable = true;
            signature.as_str().is_some_and(|text| key.verifies(signed.as_bytes(), text))
        });
        if !verified {
            return Err(match verifiable {
                true => VerifyError::BadSignature(server),
                false => VerifyError::UnknownKey(server),
            });
        }
    }
    let claimed =
        event.get_object("hashes").and_then(|hashes| hashes.get_str("sha256")).and_then(decode_base64);
    if claimed.as_deref() == Some(content_hash(&event, pdu.text().len()).as_slice()) {
        return Ok(Verified::Intact);
    }
    Ok(Verified::Redacted(Box::new(redaction::redact(pdu, version)?)))
}

/// Verifies many events on all cores; the results are in the order of the events.
pub fn verify_many(
    version: RoomVersion,
    pdus: &[Pdu],
    keys: &PublicKeys,
) -> Vec<Result<Verified, VerifyError>> {
    pdus.par_iter().map(|pdu| verify_pdu(version, pdu, keys)).collect()
}

/// The event with a further signature: of the server of an invited user, or of the one whose user
/// authorises a join.
pub fn sign_pdu(pdu: &Pdu, server_name: &ServerName, key: &SigningKey) -> Result<Pdu, PduError> {
    let signature = key.sign_base64(signed_text(pdu.version(), &pdu.to_object()?).as_bytes());
    add_signature(pdu, server_name, key.key_id().as_str(), &signature)
}

/// The event with a further signature, which may be good or not.
pub(crate) fn add_signature(
    pdu: &Pdu,
    server_name: &ServerName,
    key_id: &str,
    signature: &str,
) -> Result<Pdu, PduError> {
    let mut event = pdu.to_object()?;
    let mut signatures = event.get_object("signatures").cloned().unwrap_or_default();
    let mut own = signatures.get_object(server_name.as_str()).cloned().unwrap_or_default();
    own.insert(key_id, Value::String(signature.to_owned().into()));
    signatures.insert(server_name.as_str(), Value::Object(own));
    event.insert("signatures", Value::Object(signatures));
    let mut text = String::with_capacity(pdu.text().len() + 128);
    event.write(&mut text);
    Pdu::from_stored(pdu.version(), text.into(), pdu.event_id_owned().clone())
}

/// Whether an event has the good signature of a server by that key.
pub(crate) fn is_signed_with(pdu: &Pdu, server_name: &ServerName, key_id: &str, key: &PublicKey) -> bool {
    let Ok(event) = pdu.to_object() else { return false };
    let of_server = event.get_object("signatures").and_then(|all| all.get_object(server_name.as_str()));
    let signature = of_server.and_then(|signatures| signatures.get_str(key_id));
    signature.is_some_and(|text| key.verifies(signed_text(pdu.version(), &event).as_bytes(), text))
}

/// The text of an event that its signatures and its reference hash are made of.
fn signed_text(version: RoomVersion, event: &Object<'_>) -> String {
    let mut text = String::with_capacity(1024);
    redaction::write_redacted(version, event, Signatures::Without, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        canonical_json::{Numbers, parse_object},
        reference_hash::unpadded_base64,
    };

    /// Appendices, "Cryptographic Test Vectors", "Event Signing": event, content hash, signature.
    const VECTORS: [(&str, &str, &str); 2] = [
        (
            r#"{"room_id":"!x:domain","sender":"@a:domain","origin":"domain",
                "origin_server_ts":1000000,"signatures":{},"hashes":{},"type":"X","content":{},
                "prev_events":[],"auth_events":[],"depth":3,"unsigned":{"age_ts":1000000}}"#,
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg",
        ),
        (
            r#"{"content":{"body":"Here is the message content"},"event_id":"$0:domain",
                "origin":"domain","origin_server_ts":1000000,"type":"m.room.message",
                "room_id":"!r:domain","sender":"@u:domain","signatures":{},
                "unsigned":{"age_ts":1000000}}"#,
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA",
        ),
    ];

    #[test]
    fn the_specifications_events_are_hashed_and_signed_as_it_says() {
        let key = SigningKey::from_text("ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1");
        let key = key.expect("the specification's key");
        for (json, hash, signature) in VECTORS {
            let mut event = parse_object(json, Numbers::Integers).expect("an event");
            assert_eq!(unpadded_base64(&content_hash(&event, 512)), hash);
            let hashes = format!(r#"{{"sha256":"{hash}"}}"#);
            let hashes = parse_object(&hashes, Numbers::Integers).expect("hashes");
            event.insert("hashes", Value::Object(hashes));
            let text = signed_text(RoomVersion::V1, &event);
            assert_eq!(key.sign_base64(text.as_bytes()), signature);
        }
    }
}
