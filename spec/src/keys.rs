//! Signing keys and the public keys of servers (appendices, "Signing JSON").

use std::{collections::HashMap, fmt};

use ed25519_dalek::{Signature, Signer as _, Verifier as _, VerifyingKey};
use ruma::{OwnedServerName, OwnedServerSigningKeyId, ServerName, ServerSigningKeyId};
use thiserror::Error;

use crate::{
    canonical_json::{self, CanonicalJsonError, Numbers, Object},
    reference_hash::{decode_base64, unpadded_base64},
};

/// Why a text is not a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    #[error("a signing key is written `ed25519 VERSION SEED`")]
    Format,
    #[error("the version of a key is letters, digits and underscores")]
    Version,
    #[error("an ed25519 key is 32 bytes in base64")]
    Base64,
    #[error("the bytes are no ed25519 public key")]
    NotAPoint,
}

/// A server's own ed25519 signing key.
#[derive(Clone)]
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    key_id: OwnedServerSigningKeyId,
}

impl SigningKey {
    /// A new key from 32 random bytes.
    pub fn generate(random: [u8; 32], version: &str) -> Result<Self, KeyError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if version.is_empty() || !version.bytes().all(valid) {
            return Err(KeyError::Version);
        }
        let key_id =
            OwnedServerSigningKeyId::try_from(format!("ed25519:{version}")).map_err(|_| KeyError::Version)?;
        Ok(Self { key: ed25519_dalek::SigningKey::from_bytes(&random), key_id })
    }

    /// Reads `ed25519 VERSION SEED`, the form homeservers keep their keys in.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("ed25519"), Some(version), Some(seed), None) => {
                let seed = decode_base64(seed).ok_or(KeyError::Base64)?;
                let seed = <[u8; 32]>::try_from(seed).map_err(|_| KeyError::Base64)?;
                Self::generate(seed, version)
            }
            _ => Err(KeyError::Format),
        }
    }

    /// `ed25519 VERSION SEED`. It is the secret itself.
    pub fn to_text(&self) -> String {
        format!("ed25519 {} {}", self.version(), unpadded_base64(self.key.as_bytes()))
    }

    /// `ed25519:VERSION`.
    pub fn key_id(&self) -> &ServerSigningKeyId {
        &self.key_id
    }

    pub fn version(&self) -> &str {
        self.key_id.as_str().strip_prefix("ed25519:").unwrap_or_default()
    }

    /// The public key in unpadded base64.
    pub fn public_key_base64(&self) -> String {
        unpadded_base64(self.key.verifying_key().as_bytes())
    }

    /// The signature of some bytes, in unpadded base64.
    pub fn sign_base64(&self, message: &[u8]) -> String {
        unpadded_base64(&self.key.sign(message).to_bytes())
    }

    /// Adds our signature to a JSON object; `signatures` and `unsigned` are not signed.
    pub fn sign_json(
        &self,
        object: &mut serde_json::Map<String, serde_json::Value>,
        server_name: &ServerName,
    ) -> Result<(), CanonicalJsonError> {
        let text = serde_json::Value::Object(object.clone()).to_string();
        let canonical = canonical_json::parse_object(&text, Numbers::Integers)?;
        let signature = self.sign_base64(signed_text(&canonical).as_bytes());
        let signatures = object.entry("signatures").or_insert_with(|| serde_json::json!({}));
        if !signatures.is_object() {
            *signatures = serde_json::json!({});
        }
        // Indexing an object with a new key adds it.
        let own = &mut signatures[server_name.as_str()];
        if !own.is_object() {
            *own = serde_json::json!({});
        }
        own[self.key_id.as_str()] = signature.into();
        Ok(())
    }
}

/// Shows the public part only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("key_id", &self.key_id)
            .field("public_key", &self.public_key_base64())
            .finish_non_exhaustive()
    }
}

/// The text of an object that signatures are made of.
pub(crate) fn signed_text(object: &Object<'_>) -> String {
    let mut text = String::with_capacity(512);
    object.write_where(&mut text, |key| !matches!(key, "signatures" | "unsigned"));
    text
}

/// An ed25519 public key, ready to verify with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = decode_base64(text).ok_or(KeyError::Base64)?;
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| KeyError::Base64)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| KeyError::NotAPoint)
    }

    /// Whether the signature, in base64, is of those bytes by this key.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        decode_base64(signature)
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .is_some_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// Whether a JSON object carries the entity's valid signature by that key.
pub fn verify_json(object: &str, entity: &str, key_id: &str, key: &PublicKey) -> bool {
    let Ok(object) = canonical_json::parse_object(object, Numbers::Integers) else {
        return false;
    };
    object
        .get_object("signatures")
        .and_then(|signatures| signatures.get_object(entity))
        .and_then(|own| own.get_str(key_id))
        .is_some_and(|signature| key.verifies(signed_text(&object).as_bytes(), signature))
}

/// The public keys of servers, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys {
    servers: HashMap<OwnedServerName, HashMap<String, ServerKey>>,
}

#[derive(Clone, Debug)]
struct ServerKey {
    key: PublicKey,
    /// Milliseconds since the Unix epoch up to which the key may sign.
    valid_until_ts: u64,
}

impl PublicKeys {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server's key. `valid_until_ts` is the key response's, at most seven days from now as
    /// the specification asks of its users, or `expired_ts` for an old key.
    pub fn insert(
        &mut self,
        server_name: OwnedServerName,
        key_id: &str,
        key: PublicKey,
        valid_until_ts: u64,
    ) {
        let keys = self.servers.entry(server_name).or_default();
        keys.insert(key_id.to_owned(), ServerKey { key, valid_until_ts });
    }

    /// Adds our own key, which is always valid.
    pub fn insert_own(&mut self, server_name: OwnedServerName, key: &SigningKey) {
        let public = PublicKey(key.key.verifying_key());
        self.insert(server_name, key.key_id.as_str(), public, u64::MAX);
    }

    /// Whether any key of the server is known.
    pub fn knows(&self, server_name: &ServerName) -> bool {
        self.servers.contains_key(server_name)
    }

    /// The server's key of that id, if it is known and, where a moment is given, valid then.
    pub fn get(&self, server_name: &ServerName, key_id: &str, valid_at: Option<u64>) -> Option<&PublicKey> {
        let key = self.servers.get(server_name)?.get(key_id)?;
        valid_at.is_none_or(|at| key.valid_until_ts >= at).then_some(&key.key)
    }
}
