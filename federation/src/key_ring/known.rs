//! What is known of a server's keys.

use std::collections::{BTreeMap, BTreeSet};

use hearth_spec::{PublicKey, PublicKeys, keys::verify_json};
use ruma::{OwnedServerName, ServerName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// However long a server says its keys hold, they are not believed for longer.
const LONGEST_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// A server with more keys is not believed.
const MAX_KEYS: usize = 64;
/// So many responses are kept from before the present one, and so many bytes of them.
const MAX_EARLIER: usize = 4;
const EARLIER_BYTES: usize = 32 << 10;

/// The keys of one server.
#[derive(Debug)]
pub(super) struct ServerKeys {
    keys: BTreeMap<String, Known>,
    /// The server's response as it signed it, for those who ask us as a notary.
    response: Box<RawValue>,
    /// Those from before, the latest first, as far as they name keys that later ones do not.
    earlier: Vec<Box<RawValue>>,
    /// Up to when the response holds, in milliseconds.
    pub(super) valid_until_ts: u64,
}

#[derive(Clone, Debug)]
struct Known {
    key: PublicKey,
    row: Row,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    key: String,
    /// Up to when it may sign.
    valid_until_ts: u64,
    /// Whether the server uses it no more: asking again tells nothing new.
    #[serde(default)]
    old: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    keys: BTreeMap<String, Row>,
    response: Box<RawValue>,
    #[serde(default)]
    earlier: Vec<Box<RawValue>>,
    valid_until_ts: u64,
}

/// "Publishing Keys", as others answer it.
#[derive(Deserialize)]
struct Response {
    server_name: OwnedServerName,
    valid_until_ts: u64,
    verify_keys: BTreeMap<String, VerifyKey>,
    #[serde(default)]
    old_verify_keys: BTreeMap<String, OldVerifyKey>,
}

#[derive(Deserialize)]
struct VerifyKey {
    key: String,
}

#[derive(Deserialize)]
struct OldVerifyKey {
    key: String,
    expired_ts: u64,
}

impl ServerKeys {
    /// Reads a server's key response, which one of its present keys must have signed.
    pub(super) fn from_response(server: &ServerName, text: &str, now: u64) -> Result<Self, String> {
        let response: Response = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if response.server_name != server {
            return Err(format!("these are the keys of {}", response.server_name));
        }
        if response.verify_keys.len() + response.old_verify_keys.len() > MAX_KEYS {
            return Err("these are too many keys".to_owned());
        }
        let valid_until_ts = response.valid_until_ts.min(now + LONGEST_MS);
        let current = response
            .verify_keys
            .into_iter()
            .map(|(id, VerifyKey { key })| (id, Row { key, valid_until_ts, old: false }));
        let old = response.old_verify_keys.into_iter().map(|(id, OldVerifyKey { key, expired_ts })| {
            (id, Row { key, valid_until_ts: expired_ts, old: true })
        });
        // Keys of other algorithms are passed over. A key that is both is a present one.
        let keys: BTreeMap<_, _> =
            old.chain(current).filter_map(|(id, row)| Some((id, Known::new(row)?))).collect();
        let is_signed = keys
            .iter()
            .filter(|(_, known)| !known.row.old)
            .any(|(id, known)| verify_json(text, server.as_str(), id, &known.key));
        if !is_signed {
            return Err("the keys are not signed by one of them".to_owned());
        }
        let response = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
        Ok(Self { keys, response, earlier: Vec::new(), valid_until_ts })
    }

    pub(super) fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        let Stored { keys, response, earlier, valid_until_ts } = serde_json::from_str(text)?;
        let keys = keys.into_iter().filter_map(|(id, row)| Some((id, Known::new(row)?))).collect();
        Ok(Self { keys, response, earlier, valid_until_ts })
    }

    pub(super) fn to_stored(&self) -> String {
        let keys = self.keys.iter().map(|(id, known)| (id.clone(), known.row.clone())).collect();
        let stored = Stored {
            keys,
            response: self.response.clone(),
            earlier: self.earlier.clone(),
            valid_until_ts: self.valid_until_ts,
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Adds the keys that the server does not name any more, so that what they signed can still be verified, and the
    /// responses that name them, for those who ask us as a notary.
    pub(super) fn with_earlier(mut self, earlier: &Self) -> Self {
        let mut named_later = named(&self.response);
        let mut bytes = 0;
        for response in std::iter::once(&earlier.response).chain(&earlier.earlier) {
            let key_ids = named(response);
            bytes += response.get().len();
            if self.earlier.len() == MAX_EARLIER || bytes > EARLIER_BYTES {
                break;
            }
            if !key_ids.is_subset(&named_later) {
                self.earlier.push(response.clone());
                named_later.extend(key_ids);
            }
        }
        for (id, known) in &earlier.keys {
            if self.keys.len() >= MAX_KEYS {
                break;
            }
            self.keys.entry(id.clone()).or_insert_with(|| {
                let row = Row { old: true, ..known.row.clone() };
                Known { key: known.key.clone(), row }
            });
        }
        self
    }

    /// The server's responses as it signed them: the present one, and those from before that name one of these keys
    /// or, where none is wanted, any other.
    pub(super) fn responses<'a>(&'a self, wanted: &BTreeSet<&str>) -> impl Iterator<Item = &'a RawValue> {
        let is_wanted = |response: &&RawValue| {
            wanted.is_empty() || named(response).iter().any(|id| wanted.contains(&**id))
        };
        std::iter::once(&*self.response)
            .chain(self.earlier.iter().map(|response| &**response).filter(is_wanted))
    }

    /// What it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        const KEY: usize = 300;
        let earlier: usize = self.earlier.iter().map(|response| response.get().len()).sum();
        size_of::<Self>() + self.response.get().len() + earlier + self.keys.len() * KEY
    }

    /// Whether asking the server for the key would tell nothing new.
    pub(super) fn is_settled(&self, key_id: &str, now: u64) -> bool {
        self.keys.get(key_id).is_some_and(|known| known.row.old || known.row.valid_until_ts >= now)
    }

    pub(super) fn has(&self, key_id: &str) -> bool {
        self.keys.contains_key(key_id)
    }

    /// The keys that the server signs with now.
    pub(super) fn current(&self) -> impl Iterator<Item = (&str, &PublicKey)> {
        self.keys.iter().filter(|(_, known)| !known.row.old).map(|(id, known)| (id.as_str(), &known.key))
    }

    pub(super) fn insert_into(&self, keys: &mut PublicKeys, server: &ServerName, key_ids: &BTreeSet<String>) {
        for id in key_ids {
            if let Some(known) = self.keys.get(id) {
                keys.insert(server.to_owned(), id, known.key.clone(), known.row.valid_until_ts);
            }
        }
    }
}

/// The keys that a response names.
fn named(response: &RawValue) -> BTreeSet<String> {
    let response = serde_json::from_str::<Response>(response.get());
    response.map_or_else(
        |_| BTreeSet::new(),
        |response| response.verify_keys.into_keys().chain(response.old_verify_keys.into_keys()).collect(),
    )
}

impl Known {
    fn new(row: Row) -> Option<Self> {
        Some(Self { key: PublicKey::from_base64(&row.key).ok()?, row })
    }
}
