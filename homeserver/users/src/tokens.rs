//! Tokens: made from randomness, known by their hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hearth_storage::{
    Random, Scan, StorageError, Transaction, View,
    schema::{self, users::TokenKind},
};
use ruma::{DeviceId, UserId};
use sha2::{Digest, Sha256};

use crate::UsersError;

/// The SHA-256 of a token. A table of these is worth nothing to a thief, as tokens cannot be guessed.
pub(crate) type TokenHash = [u8; 32];

/// Makes a token of 256 random bits. The prefix says what was leaked when one is found where it should not be.
pub(crate) fn new_token(random: &dyn Random, prefix: &str) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let mut token = String::with_capacity(prefix.len() + 43);
    token.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut token);
    token
}

/// The name under which a token is stored.
pub(crate) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// A device id for a client that brings none.
pub(crate) fn new_device_id(random: &dyn Random) -> String {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    // 26 does not divide 256: what little is lost in evenness does not matter for an id.
    bytes.iter().map(|byte| char::from(b'A' + byte % 26)).collect()
}

/// Deletes all tokens of a device.
pub(crate) fn delete_all(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    device: &DeviceId,
) -> Result<(), UsersError> {
    for entry in view.scan(&schema::DEVICE_TOKENS, Scan::prefix((user, device))) {
        let ((_, _, token), kind) = entry?;
        match kind {
            TokenKind::Access => transaction.delete(&schema::ACCESS_TOKENS, (token,)),
            TokenKind::Refresh => transaction.delete(&schema::REFRESH_TOKENS, (token,)),
        }
        transaction.delete(&schema::DEVICE_TOKENS, (user, device, token));
    }
    Ok(())
}

/// The access tokens of all devices of a user.
pub(crate) fn access_tokens_of(view: &View, user: &UserId) -> Result<Vec<TokenHash>, StorageError> {
    view.scan(&schema::DEVICE_TOKENS, Scan::prefix((user,)))
        .filter_map(|entry| match entry {
            Ok(((_, _, token), TokenKind::Access)) => Some(Ok(token)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect()
}
