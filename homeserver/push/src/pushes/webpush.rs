//! Web push without a gateway (MSC4174): what is told is encrypted for the client (RFC 8291), and the server says by its
//! signature who it is (VAPID, RFC 8292).

use aes_gcm::{Aes128Gcm, KeyInit as _, aead::Aead as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, header};
use p256::{
    PublicKey, SecretKey,
    ecdh::diffie_hellman,
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    elliptic_curve::sec1::ToEncodedPoint as _,
};
use serde_json::json;
use sha2::Sha256;

/// How long a push service keeps what it cannot deliver, in seconds.
const TTL: &str = "172800";
/// How long an authorization holds, in seconds, and how often there is a new one: a push service remembers that it
/// checked it.
const AUTHORIZED: u64 = 12 * 60 * 60;
const RENEWED: u64 = 60 * 60;
/// What fits into the one record that a push service takes at least: 4,096 bytes with all that is around it.
pub(super) const MAX_PLAIN: usize = 4096 - HEADER - 16 - 1;
/// Salt, size of a record, and the server's key.
const HEADER: usize = 16 + 4 + 1 + 65;

/// Why something cannot be encrypted.
#[derive(Debug, thiserror::Error)]
#[error("the keys of a web push subscription are none")]
pub struct BadKeys;

/// The server's key for web push.
#[derive(Clone)]
pub struct Vapid(SigningKey);

impl Vapid {
    /// By 32 random bytes; a few of all there are do not make a key.
    pub fn of(seed: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(seed).ok().map(Self)
    }

    /// The key that clients give to their push services.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.verifying_key().to_encoded_point(false))
    }

    /// What says to a push service, `https://host`, at a time in seconds, that this server asks.
    fn authorization(&self, service: &str, contact: &str, now: u64) -> String {
        let expires = now / RENEWED * RENEWED + AUTHORIZED;
        let claims = json!({ "aud": service, "exp": expires, "sub": contact });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ES256" })), part(&claims));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature.to_bytes()), self.public())
    }

    /// What is said with a message at a time in seconds.
    pub(super) fn headers(&self, service: &str, contact: &str, now: u64, urgent: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert("ttl", HeaderValue::from_static(TTL));
        headers.insert("urgency", HeaderValue::from_static(if urgent { "high" } else { "normal" }));
        if let Ok(value) = HeaderValue::from_str(&self.authorization(service, contact, now)) {
            headers.insert(header::AUTHORIZATION, value);
        }
        headers
    }
}

/// The keys of a client's subscription.
pub struct Subscription {
    public: PublicKey,
    secret: [u8; 16],
}

impl Subscription {
    /// As the client tells them: its public key, and the authentication secret.
    ///
    /// # Errors
    /// [`BadKeys`] if they are none.
    pub fn of(public: &str, secret: &str) -> Result<Self, BadKeys> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| BadKeys);
        let public = PublicKey::from_sec1_bytes(&bytes(public)?).map_err(|_| BadKeys)?;
        Ok(Self { public, secret: bytes(secret)?.try_into().map_err(|_| BadKeys)? })
    }

    /// Encrypts a message of at most [`MAX_PLAIN`] bytes with a key that is used once, made of these random bytes, and a
    /// salt (RFC 8188, RFC 8291).
    pub(super) fn encrypt(&self, plain: &[u8], key: &[u8; 32], salt: [u8; 16]) -> Result<Vec<u8>, BadKeys> {
        let key = SecretKey::from_slice(key).map_err(|_| BadKeys)?;
        let (own, theirs) = (key.public_key().to_encoded_point(false), self.public.to_encoded_point(false));
        let shared = diffie_hellman(key.to_nonzero_scalar(), self.public.as_affine());
        let info = [b"WebPush: info\0", theirs.as_bytes(), own.as_bytes()].concat();
        let keying = expand(&extract(&self.secret, shared.raw_secret_bytes()), &info);
        let keying = extract(&salt, &keying);
        let content_key = expand(&keying, b"Content-Encoding: aes128gcm\0");
        let nonce = expand(&keying, b"Content-Encoding: nonce\0");
        // One record, and the last.
        let record = [plain, &[2]].concat();
        let cipher = Aes128Gcm::new_from_slice(&content_key[..16]).map_err(|_| BadKeys)?;
        let sealed = cipher.encrypt((&nonce[..12]).into(), &*record).map_err(|_| BadKeys)?;
        let mut out = Vec::with_capacity(HEADER + sealed.len());
        out.extend(salt);
        out.extend(4096_u32.to_be_bytes());
        out.push(own.as_bytes().len() as u8);
        out.extend(own.as_bytes());
        out.extend(sealed);
        Ok(out)
    }
}

/// HKDF (RFC 5869) by SHA-256, its two steps; of the second one block is enough here.
fn extract(salt: &[u8], key: &[u8]) -> [u8; 32] {
    hash(salt, &[key])
}

fn expand(key: &[u8; 32], info: &[u8]) -> [u8; 32] {
    hash(key, &[info, &[1]])
}

fn hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // Any length is a key.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// What a client makes of a message, by its key and the authentication secret.
#[cfg(test)]
pub(super) fn decrypt(key: &SecretKey, secret: &[u8; 16], message: &[u8]) -> Vec<u8> {
    let (salt, theirs, sealed) = (&message[..16], &message[21..86], &message[86..]);
    let public = PublicKey::from_sec1_bytes(theirs).unwrap();
    let own = key.public_key().to_encoded_point(false);
    let shared = diffie_hellman(key.to_nonzero_scalar(), public.as_affine());
    let info = [b"WebPush: info\0", own.as_bytes(), theirs].concat();
    let keying = expand(&extract(secret, shared.raw_secret_bytes()), &info);
    let keying = extract(salt, &keying);
    let cipher = Aes128Gcm::new_from_slice(&expand(&keying, b"Content-Encoding: aes128gcm\0")[..16]);
    let nonce = expand(&keying, b"Content-Encoding: nonce\0");
    let mut plain = cipher.unwrap().decrypt((&nonce[..12]).into(), sealed).unwrap();
    assert_eq!(plain.pop(), Some(2));
    plain
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{VerifyingKey, signature::Verifier as _};

    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
    }

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let subscription = Subscription::of(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        );
        let encrypted = subscription.unwrap().encrypt(
            b"When I grow up, I want to be a watermelon",
            &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
            bytes("DGv6ra1nlYgDCS1FRnbzlw"),
        );
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(encrypted.unwrap()), expected);
    }

    #[test]
    fn what_are_no_keys_is_refused() {
        let good = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        assert!(Subscription::of(good, "BTBZMqHH6r4Tts7J_aSIgg").is_ok());
        for (public, secret) in [(good, "short"), ("AAAA", "BTBZMqHH6r4Tts7J_aSIgg"), ("!", "!")] {
            assert!(Subscription::of(public, secret).is_err());
        }
    }

    #[test]
    fn a_push_service_finds_the_signature_good() {
        let vapid = Vapid::of(&[7; 32]).unwrap();
        let headers = vapid.headers("https://push.example", "mailto:a@b.example", 1_700_000_000, true);
        let text = headers[header::AUTHORIZATION].to_str().unwrap();
        let (token, key) = text.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, vapid.public());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = VerifyingKey::from_sec1_bytes(&bytes::<65>(key)).unwrap();
        let signature = Signature::from_slice(&bytes::<64>(signature)).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "https://push.example");
        // The same for an hour.
        let later = vapid.headers("https://push.example", "mailto:a@b.example", 1_700_000_001, true);
        assert_eq!(later[header::AUTHORIZATION], headers[header::AUTHORIZATION]);
    }
}
