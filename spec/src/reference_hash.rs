//! The hashes of an event (server-server API, "Signing events"; room versions 3 and 4, "Event
//! IDs").

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    },
};
use ruma::{IdParseError, OwnedEventId};
use sha2::{Digest, Sha256};

use crate::{canonical_json::Object, pdu::Pdu, pdu::PduError, room_version::EventIdFormat};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Reads standard base64 as peers write it: padded or not, and with stray bits in the last
/// character, as early events have them.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Unpadded standard base64, as the specification writes hashes, keys and signatures.
pub fn unpadded_base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Decodes standard base64, padded or not.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

/// The content hash: of the event without `unsigned`, `signatures` and `hashes`.
pub(crate) fn content_hash(event: &Object<'_>, capacity: usize) -> Hash {
    let mut text = String::with_capacity(capacity);
    event.write_where(&mut text, |key| !matches!(key, "unsigned" | "signatures" | "hashes"));
    reference_hash_of_text(&text)
}

/// The hash of a redacted event without its signatures.
pub(crate) fn reference_hash_of_text(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// The event id that the room version makes of a reference hash.
pub(crate) fn event_id_of_hash(hash: &Hash, format: EventIdFormat) -> Result<OwnedEventId, IdParseError> {
    let mut id = String::with_capacity(44);
    id.push('$');
    match format {
        EventIdFormat::UrlSafeHash => URL_SAFE_NO_PAD.encode_string(hash, &mut id),
        EventIdFormat::Hash | EventIdFormat::Chosen => {
            STANDARD_NO_PAD.encode_string(hash, &mut id);
        }
    }
    OwnedEventId::try_from(id)
}

/// The reference hash of an event; in room versions 3 and later its id is made of it.
pub fn reference_hash(pdu: &Pdu) -> Result<Hash, PduError> {
    let event = pdu.to_object()?;
    let mut text = String::with_capacity(pdu.text().len());
    crate::redaction::write_redacted(pdu.version(), &event, crate::redaction::Signatures::Without, &mut text);
    Ok(reference_hash_of_text(&text))
}
