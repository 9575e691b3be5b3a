//! Nonces: a client must have heard from this server before it is believed (RFC 8489, section 9.2). None is kept: each
//! says when it was made, and is signed together with the address that it was given to.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// How long one can be used. Then the client is given another one.
const LIFETIME_S: u32 = 60 * 60;
/// How many bytes of the signature are in it: nobody guesses one within its lifetime.
const SIGNATURE: usize = 8;
const LENGTH: usize = 4 + SIGNATURE;

/// Makes nonces, and knows its own.
#[derive(Debug)]
pub(crate) struct Nonces {
    key: [u8; 32],
}

impl Nonces {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// One for a client at that address, `now_s` seconds after the Unix epoch.
    pub(crate) fn make(&self, client: IpAddr, now_s: u64) -> String {
        let made_at = (now_s as u32).to_be_bytes();
        let mut bytes = made_at.to_vec();
        if let Some(mac) = self.signed(client, made_at) {
            bytes.extend(&mac.finalize().into_bytes()[..SIGNATURE]);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether it was given to that address not long ago.
    pub(crate) fn is_valid(&self, nonce: &[u8], client: IpAddr, now_s: u64) -> bool {
        let mut bytes = [0; LENGTH];
        if URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(LENGTH) {
            return false;
        }
        let Some((made_at, signature)) = bytes.split_first_chunk() else { return false };
        let age = (now_s as u32).wrapping_sub(u32::from_be_bytes(*made_at));
        let signed = self.signed(client, *made_at);
        age <= LIFETIME_S && signed.is_some_and(|mac| mac.verify_truncated_left(signature).is_ok())
    }

    fn signed(&self, client: IpAddr, made_at: [u8; 4]) -> Option<Hmac<Sha1>> {
        let mac = Hmac::<Sha1>::new_from_slice(&self.key).ok()?;
        Some(mac.chain_update(made_at).chain_update(client.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_an_hour_at_the_address_that_it_was_given_to() {
        let nonces = Nonces::new([7; 32]);
        let (alice, bob) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2]));
        let nonce = nonces.make(alice, 1000);
        assert_eq!(nonce.len(), 16);
        assert!(nonces.is_valid(nonce.as_bytes(), alice, 1000 + 3600));
        assert!(!nonces.is_valid(nonce.as_bytes(), alice, 1001 + 3600));
        assert!(!nonces.is_valid(nonce.as_bytes(), alice, 999), "it was not made yet");
        assert!(!nonces.is_valid(nonce.as_bytes(), bob, 1000));
        assert!(!Nonces::new([8; 32]).is_valid(nonce.as_bytes(), alice, 1000));
        for wrong in [&b""[..], b"AAAAAAAAAAAAAAAA", b"\xff", &[b'A'; 10_000]] {
            assert!(!nonces.is_valid(wrong, alice, 1000));
        }
    }
}
