//! Credentials that end, made of a secret that two servers share (coturn's `use-auth-secret`, draft-uberti-behave-turn-rest):
//! the name says until when and for whom, the password is its signature.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;

/// The longest name that is looked at (RFC 8489, section 14.3), in bytes.
const MAX_USERNAME: usize = 508;

/// A name and a password with which somebody may have a relay for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl Credentials {
    /// For `user`, until so many seconds after the Unix epoch.
    pub fn new(secret: &[u8], user: &str, ends_at_s: u64) -> Self {
        let username = format!("{ends_at_s}:{user}");
        let password = password(secret, &username);
        Self { username, password }
    }
}

/// Whose name that is, and until when it is good, in seconds after the Unix epoch. Whether it was given by who knows the
/// secret shows the signature.
pub(crate) fn whose(username: &[u8]) -> Option<(u64, &str)> {
    let (ends_at, user) = str::from_utf8(username).ok()?.split_once(':')?;
    (username.len() <= MAX_USERNAME && !user.is_empty()).then_some(())?;
    Some((ends_at.parse().ok()?, user))
}

/// The key that requests under a name are signed with (RFC 8489, section 9.2.2).
pub(crate) fn long_term_key(secret: &[u8], username: &str, realm: &str) -> [u8; 16] {
    key_of(username, realm, &password(secret, username))
}

/// The same where the password is known.
pub(crate) fn key_of(username: &str, realm: &str, password: &str) -> [u8; 16] {
    Md5::digest(format!("{username}:{realm}:{password}")).into()
}

fn password(secret: &[u8], username: &str) -> String {
    // A key of any length will do.
    let mac = Hmac::<Sha1>::new_from_slice(secret).map(|mac| mac.chain_update(username).finalize());
    mac.map(|mac| STANDARD.encode(mac.into_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_one_that_coturn_makes() {
        // printf 1700000000:@alice:example.org | openssl dgst -sha1 -hmac secret -binary | base64
        let made = Credentials::new(b"secret", "@alice:example.org", 1_700_000_000);
        assert_eq!(made.username, "1700000000:@alice:example.org");
        assert_eq!(made.password, "g/l/t/tR2Emj7Ax0fkxwtp3GUrQ=");
    }

    #[test]
    fn a_name_says_for_whom_and_until_when() {
        assert_eq!(whose(b"17:@alice:example.org"), Some((17, "@alice:example.org")));
        for wrong in ["", "17", "17:", ":@alice:a", "-1:@a:b", "x:@a:b", &format!("17:{}", "a".repeat(506))] {
            assert_eq!(whose(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(whose(b"17:\xff"), None);
    }
}
