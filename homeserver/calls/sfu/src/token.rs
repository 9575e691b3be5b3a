//! The tokens by which participants come in: JSON Web Tokens as LiveKit makes them (HS256).
//!
//! Whoever knows the key says who may enter which room, and as whom; the SFU asks nothing else.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// What tokens are signed with: a name, which is told in each, and a secret.
#[derive(Clone)]
pub struct TokenKey {
    name: String,
    secret: Vec<u8>,
}

/// Who may enter which room, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who it is, to all in the room. A second one of the same identity takes the place of the first.
    pub identity: String,
    /// The name of the room.
    pub room: String,
    /// Whom it was made for, as who made it calls them; nobody else is told. It may be empty.
    pub holder: String,
    /// A name for people, which may be empty.
    pub name: String,
    /// What others are told of the participant, which may be empty.
    pub metadata: String,
    /// What may be done there.
    pub grants: Grants,
    /// From when on it is good, in seconds since the Unix epoch.
    pub not_before: u64,
    /// Until when.
    pub expires: u64,
}

/// What a participant may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// Send audio and video.
    pub publish: bool,
    /// Receive what others send.
    pub subscribe: bool,
    /// Send data.
    pub publish_data: bool,
    /// Change the own name and metadata.
    pub update_own_metadata: bool,
}

/// Why a token lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this is no token of this service")]
    Invalid,
    #[error("the token is not good yet, or no more")]
    Expired,
    #[error("the token does not allow to join a room")]
    NotForARoom,
}

impl TokenKey {
    /// A key of that name.
    pub fn new(name: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), secret: secret.into() }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({}, …)", self.name)
    }
}

impl Grants {
    /// Everything that a participant of a call does.
    pub const ALL: Self =
        Self { publish: true, subscribe: true, publish_data: true, update_own_metadata: true };
}

impl Token {
    /// The text that clients are given.
    pub fn sign(&self, key: &TokenKey) -> Result<String, TokenError> {
        let claims = Claims {
            iss: key.name.clone(),
            sub: self.identity.clone(),
            holder: self.holder.clone(),
            name: self.name.clone(),
            metadata: self.metadata.clone(),
            nbf: self.not_before,
            exp: self.expires,
            video: VideoGrant {
                room: self.room.clone(),
                room_join: true,
                can_publish: self.grants.publish,
                can_subscribe: self.grants.subscribe,
                can_publish_data: self.grants.publish_data,
                can_update_own_metadata: self.grants.update_own_metadata,
            },
        };
        jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(&key.secret))
            .map_err(|_| TokenError::Invalid)
    }

    /// What the text allows at that time, in seconds since the Unix epoch.
    pub fn verify(text: &str, key: &TokenKey, now: u64) -> Result<Self, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The crate has a clock of its own.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation.validate_aud = false;
        validation.set_issuer(&[&key.name]);
        let claims: Claims = jsonwebtoken::decode(text, &DecodingKey::from_secret(&key.secret), &validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.sub.is_empty() {
            return Err(TokenError::Invalid);
        }
        if !(claims.nbf..claims.exp).contains(&now) {
            return Err(TokenError::Expired);
        }
        let video = claims.video;
        if !video.room_join || video.room.is_empty() {
            return Err(TokenError::NotForARoom);
        }
        Ok(Self {
            identity: claims.sub,
            room: video.room,
            holder: claims.holder,
            name: claims.name,
            metadata: claims.metadata,
            grants: Grants {
                publish: video.can_publish,
                subscribe: video.can_subscribe,
                publish_data: video.can_publish_data,
                update_own_metadata: video.can_update_own_metadata,
            },
            not_before: claims.nbf,
            expires: claims.exp,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    holder: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    metadata: String,
    #[serde(default)]
    nbf: u64,
    exp: u64,
    video: VideoGrant,
}

/// What is not said is allowed, but for joining and for what others read of one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VideoGrant {
    #[serde(default)]
    room: String,
    #[serde(default)]
    room_join: bool,
    #[serde(default = "allowed")]
    can_publish: bool,
    #[serde(default = "allowed")]
    can_subscribe: bool,
    #[serde(default = "allowed")]
    can_publish_data: bool,
    #[serde(default)]
    can_update_own_metadata: bool,
}

const fn allowed() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key() -> TokenKey {
        TokenKey::new("hearth", "a secret")
    }

    fn signed(claims: &Value) -> String {
        jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(b"a secret")).unwrap()
    }

    #[test]
    fn says_what_was_signed_while_it_is_good() {
        let token = Token {
            identity: "@alice:hearth.example:PHONE".to_owned(),
            room: "a room".to_owned(),
            holder: "alice of a room".to_owned(),
            name: "Alice".to_owned(),
            metadata: String::new(),
            grants: Grants { publish: false, ..Grants::ALL },
            not_before: 100,
            expires: 200,
        };
        let text = token.sign(&key()).unwrap();
        assert_eq!(Token::verify(&text, &key(), 100), Ok(token.clone()));
        assert_eq!(Token::verify(&text, &key(), 199), Ok(token));
        for now in [99, 200, u64::MAX] {
            assert_eq!(Token::verify(&text, &key(), now), Err(TokenError::Expired), "{now}");
        }
        for other in [TokenKey::new("hearth", "a guess"), TokenKey::new("another", "a secret")] {
            assert_eq!(Token::verify(&text, &other, 150), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn tokens_of_livekits_own_tools_are_understood() {
        let text = signed(&json!({ "iss": "hearth", "sub": "alice", "nbf": 1, "exp": 9,
            "video": { "room": "r", "roomJoin": true, "roomCreate": true } }));
        let token = Token::verify(&text, &key(), 5).unwrap();
        assert_eq!(token.grants, Grants { update_own_metadata: false, ..Grants::ALL });
    }

    #[test]
    fn what_names_no_room_or_nobody_lets_nobody_in() {
        for (claims, error) in [
            (json!({ "sub": "a", "exp": 9, "video": { "roomJoin": true } }), TokenError::NotForARoom),
            (json!({ "sub": "a", "exp": 9, "video": { "room": "r" } }), TokenError::NotForARoom),
            (json!({ "sub": "", "exp": 9, "video": { "room": "r", "roomJoin": true } }), TokenError::Invalid),
            (json!({ "sub": "a", "exp": 9 }), TokenError::Invalid),
            (json!({ "sub": "a", "video": { "room": "r", "roomJoin": true } }), TokenError::Invalid),
        ] {
            let mut claims = claims;
            claims["iss"] = "hearth".into();
            assert_eq!(Token::verify(&signed(&claims), &key(), 5), Err(error), "{claims}");
        }
        for text in ["", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."] {
            assert_eq!(Token::verify(text, &key(), 5), Err(TokenError::Invalid));
        }
    }
}
