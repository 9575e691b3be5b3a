//! Signed JSON (appendices, "Signing JSON") as device keys and cross-signing keys use it.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, SigningKeyAlgorithm, UserId,
    serde::Base64,
    signatures::{to_canonical_json_string_for_signing, verify_canonical_json_bytes},
};

use crate::UsersError;

/// Reads an object of a client's.
pub(crate) fn parse(json: &str) -> Result<CanonicalJsonObject, UsersError> {
    serde_json::from_str(json).map_err(UsersError::bad_json)
}

/// Reads an object of our own.
pub(crate) fn parse_stored(json: &str) -> Result<CanonicalJsonObject, UsersError> {
    serde_json::from_str(json).map_err(UsersError::corrupt)
}

/// Whether two objects are the same but for `signatures` and `unsigned`.
pub(crate) fn same_but_signatures(one: &CanonicalJsonObject, other: &CanonicalJsonObject) -> bool {
    let signed = |object: &CanonicalJsonObject| {
        let mut object = object.clone();
        object.remove("signatures");
        object.remove("unsigned");
        object
    };
    signed(one) == signed(other)
}

/// The signatures of one user: key id and signature.
pub(crate) fn signatures_by<'a>(
    object: &'a CanonicalJsonObject,
    signer: &UserId,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let by_signer = match object.get("signatures") {
        Some(CanonicalJsonValue::Object(signatures)) => signatures.get(signer.as_str()),
        _ => None,
    };
    let by_key = match by_signer {
        Some(CanonicalJsonValue::Object(by_key)) => Some(by_key),
        _ => None,
    };
    by_key.into_iter().flatten().filter_map(|(key_id, signature)| match signature {
        CanonicalJsonValue::String(signature) => Some((&**key_id, &**signature)),
        _ => None,
    })
}

/// Adds a signature of a user's to an object.
pub(crate) fn add_signature(
    object: &mut CanonicalJsonObject,
    signer: &UserId,
    key_id: String,
    signature: String,
) {
    let empty = || CanonicalJsonValue::Object(CanonicalJsonObject::new());
    let signatures = object.entry("signatures".to_owned()).or_insert_with(empty);
    if let CanonicalJsonValue::Object(signatures) = signatures {
        let by_signer = signatures.entry(signer.as_str().to_owned()).or_insert_with(empty);
        if let CanonicalJsonValue::Object(by_signer) = by_signer {
            by_signer.insert(key_id, CanonicalJsonValue::String(signature));
        }
    }
}

/// Keeps the signatures of these users only.
pub(crate) fn retain_signers(object: &mut CanonicalJsonObject, may_stay: impl Fn(&str) -> bool) {
    if let Some(CanonicalJsonValue::Object(signatures)) = object.get_mut("signatures") {
        signatures.retain(|signer, _| may_stay(signer));
    }
}

/// Checks a signature over an object with a public key in base64.
pub(crate) fn verify(
    object: &CanonicalJsonObject,
    public_key: &str,
    signature: &str,
) -> Result<(), UsersError> {
    let invalid = |error: &dyn std::fmt::Display| UsersError::InvalidSignature(error.to_string());
    let public_key: Base64 = Base64::parse(public_key).map_err(|error| invalid(&error))?;
    let signature: Base64 = Base64::parse(signature).map_err(|error| invalid(&error))?;
    let text = to_canonical_json_string_for_signing(object).map_err(|error| invalid(&error))?;
    verify_canonical_json_bytes(
        &SigningKeyAlgorithm::Ed25519,
        public_key.as_bytes(),
        signature.as_bytes(),
        text.as_bytes(),
    )
    .map_err(|error| invalid(&error))
}
