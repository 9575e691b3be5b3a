//! The keys of media that are encrypted from end to end: each member has its own and gives it to the others, as messages to
//! their devices, encrypted. Who leaves does not know the next one.

use std::collections::BTreeSet;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Value, json};

use super::Member;

/// The type of the messages to devices that carry a key.
pub const KEYS: &str = "io.element.call.encryption_keys";

/// What others write with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key of a member, with its place among the keys of that member.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub index: u8,
    pub bytes: Vec<u8>,
}

/// The key that one encrypts with oneself, and who has it.
#[derive(Clone, Debug)]
pub struct Keys {
    key: Key,
    /// By identity and the beginning of the membership: who comes anew has forgotten it.
    given: BTreeSet<(String, i64)>,
}

impl Keys {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { key: Key { index: 0, bytes }, given: BTreeSet::new() }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Takes up who else is in the call now. Tells to whom the key must be given; if one who has it is gone, that is another
    /// key, which `next` makes, and all. Where that fails nothing was taken up.
    pub fn give<'a, E>(
        &mut self,
        others: &'a [Member],
        next: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<&'a Member>, E> {
        let of = |member: &Member| (member.identity(), member.since);
        let there: BTreeSet<_> = others.iter().map(of).collect();
        if !self.given.is_subset(&there) {
            self.key = Key { index: self.key.index.wrapping_add(1), bytes: next()? };
            self.given.clear();
        }
        let missing = others.iter().filter(|other| !self.given.contains(&of(other))).collect();
        self.given = there;
        Ok(missing)
    }

    /// That somebody could not be given the key: the next time it is tried again.
    pub fn take_back(&mut self, identity: &str) {
        self.given.retain(|(given, _)| given != identity);
    }

    /// What is said to the devices of others.
    pub fn content(&self, room: &str, user: &str, device: &str, now: i64) -> Value {
        json!({
            "keys": { "index": self.key.index, "key": BASE64.encode(&self.key.bytes) },
            "room_id": room,
            "member": { "id": format!("{user}:{device}"), "claimed_device_id": device },
            "session": { "application": "m.call", "call_id": "", "scope": "m.room" },
            "sent_ts": now,
        })
    }
}

/// The key that somebody gave for a room, and the identity that it is of. `device` is where the message was encrypted, as
/// far as that is known: nobody gives the key of another device.
pub fn received_key(
    sender: &str,
    device: Option<&str>,
    room: &str,
    content: &Value,
) -> Option<(String, Key)> {
    let claimed = content["member"]["claimed_device_id"].as_str()?;
    if content["room_id"] != room || device.is_some_and(|device| device != claimed) {
        return None;
    }
    let index = u8::try_from(content["keys"]["index"].as_u64()?).ok()?;
    let bytes = BASE64.decode(content["keys"]["key"].as_str()?).ok()?;
    // LiveKit's client takes 16; longer ones are only taken for what they are.
    (16..=64).contains(&bytes.len()).then(|| (format!("{sender}:{claimed}"), Key { index, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Intent;

    fn member(user: &str) -> Member {
        let (device, service) = ("D".to_owned(), String::new());
        Member {
            event: String::new(),
            user: user.to_owned(),
            device,
            service,
            since: 0,
            intent: Intent::Video,
        }
    }

    #[test]
    fn who_comes_gets_the_key_and_who_leaves_not_the_next() {
        let mut keys = Keys::new(vec![1; 16]);
        let (both, one) = ([member("@a:x"), member("@b:x")], [member("@b:x")]);
        let same = || -> Result<_, ()> { unreachable!() };
        let next = |byte| move || Ok::<_, ()>(vec![byte; 16]);
        assert_eq!(keys.give(&both[..1], same), Ok(vec![&both[0]]));
        assert_eq!(keys.give(&both, same), Ok(vec![&both[1]]));
        assert_eq!(keys.give(&both, same), Ok(vec![]));
        assert_eq!(keys.give(&one, || Err("none")), Err("none"));
        assert_eq!(keys.key().index, 0, "what failed is tried again");
        assert_eq!(keys.give(&one, next(2)), Ok(vec![&one[0]]));
        assert_eq!(keys.key(), &Key { index: 1, bytes: vec![2; 16] });
        let anew = [Member { since: 9, ..one[0].clone() }];
        assert_eq!(keys.give(&anew, next(3)), Ok(vec![&anew[0]]), "who comes anew gets it anew");
        assert_eq!(keys.give(&anew, same), Ok(vec![]));
        keys.take_back("@b:x:D");
        assert_eq!(keys.give(&anew, same), Ok(vec![&anew[0]]), "it is tried again");
    }

    #[test]
    fn a_key_comes_from_whose_it_is() {
        let keys = Keys::new((0..16).collect());
        let mut content = keys.content("!r", "@a:x", "D", 5);
        assert_eq!(content["keys"]["key"], "AAECAwQFBgcICQoLDA0ODw");
        let key = received_key("@a:x", Some("D"), "!r", &content);
        assert_eq!(key, Some(("@a:x:D".to_owned(), keys.key().clone())));
        assert_eq!(
            received_key("@a:x", None, "!r", &content),
            key,
            "where it was encrypted may not be known"
        );
        assert_eq!(received_key("@a:x", Some("OTHER"), "!r", &content), None);
        assert_eq!(received_key("@a:x", Some("D"), "!other", &content), None);
        content["keys"]["key"] = json!("AAECAwQFBgcICQoLDA0ODw==");
        assert_eq!(received_key("@a:x", Some("D"), "!r", &content), key, "some pad it");
        for (place, wrong) in [("key", json!("AAAA")), ("index", json!(256)), ("key", json!(null))] {
            let mut content = content.clone();
            content["keys"][place] = wrong;
            assert_eq!(received_key("@a:x", Some("D"), "!r", &content), None);
        }
    }
}
