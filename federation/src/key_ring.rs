//! The keys of servers ("Retrieving server keys"), and verifying what they signed.

mod asking;
mod fetching;
mod known;
mod notary;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hearth_spec::{Pdu, PublicKeys, RoomVersion, SigningKey, VerifyError, required_signers, verify_many};
use hearth_storage::{Clock, StorageError, Store, blocking, schema};
use quick_cache::{Weighter, sync::Cache};
use ruma::{OwnedServerName, ServerName};
use serde_json::{Value, json};

pub use self::fetching::FetchedFor;
use self::{fetching::Fetches, known::ServerKeys};
use crate::{Client, FederationOptions};

/// How long anyone waits for keys. Those that come later are there for the next who asks.
const PATIENCE: Duration = Duration::from_secs(25);
const SOON: Duration = Duration::from_secs(3);
/// How long a server is not asked again for keys that it did not give.
const RETRY_MS: u64 = 60 * 1000;
/// What the keys of most servers take in memory, in bytes.
const USUAL_SIZE: u64 = 2048;
/// How long our own key response holds.
const OWN_LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// The keys of servers. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    client: Client,
    own_name: OwnedServerName,
    own_key: SigningKey,
    notaries: Vec<OwnedServerName>,
    store: Store,
    clock: Arc<dyn Clock>,
    cache: Cache<OwnedServerName, Arc<ServerKeys>, Bytes>,
    /// When each server that gave no keys was asked, in milliseconds.
    tried: Cache<OwnedServerName, u64>,
    fetches: Fetches,
}

/// Weighs the keys of servers by what they take.
#[derive(Clone)]
struct Bytes;

impl Weighter<OwnedServerName, Arc<ServerKeys>> for Bytes {
    fn weight(&self, server: &OwnedServerName, keys: &Arc<ServerKeys>) -> u64 {
        (server.as_str().len() + keys.size()) as u64
    }
}

impl KeyRing {
    pub(crate) fn new(
        client: Client,
        own_key: SigningKey,
        store: Store,
        clock: Arc<dyn Clock>,
        options: &FederationOptions,
    ) -> Self {
        let servers = options.cached_servers.max(1);
        Self(Arc::new(Inner {
            client,
            own_name: options.server_name.clone(),
            own_key,
            notaries: options.notaries.clone(),
            store,
            clock,
            cache: Cache::with_weighter(servers, servers as u64 * USUAL_SIZE, Bytes),
            tried: Cache::new(servers),
            fetches: Fetches::default(),
        }))
    }

    /// Keys that could verify what the key ids are of: those that are known, after servers (and notaries) were asked
    /// for those that are not, or are no longer valid. Best effort: after some seconds it gives what there is.
    pub async fn fetch(
        &self,
        fetched_for: FetchedFor,
        needed: BTreeMap<OwnedServerName, BTreeSet<String>>,
    ) -> PublicKeys {
        self.fetch_within(|_| PATIENCE, fetched_for, needed).await
    }

    /// `patience` says how long so many servers are waited for.
    async fn fetch_within(
        &self,
        patience: fn(usize) -> Duration,
        fetched_for: FetchedFor,
        needed: BTreeMap<OwnedServerName, BTreeSet<String>>,
    ) -> PublicKeys {
        let lacking = needed.iter().filter(|(server, key_ids)| self.lacks(server, key_ids));
        let lacking: Vec<_> = lacking.map(|(server, _)| server.clone()).collect();
        let patience = patience(lacking.len());
        self.refresh(fetched_for, lacking, patience).await;
        let mut keys = PublicKeys::new();
        for (server, key_ids) in needed {
            if server == self.0.own_name {
                keys.insert_own(server, &self.0.own_key);
            } else if let Some(known) = self.known(&server) {
                known.insert_into(&mut keys, &server, &key_ids);
            }
        }
        keys
    }

    /// Verifies events that came from a server on all cores, with their keys fetched in one go. The results are in the
    /// order of the events; an event whose content is not what was hashed comes back redacted.
    pub async fn verify(
        &self,
        from: &ServerName,
        version: RoomVersion,
        pdus: Vec<Pdu>,
    ) -> Vec<Result<Pdu, VerifyError>> {
        self.verify_within(|_| PATIENCE, from, version, pdus).await
    }

    /// The same for what servers send, which waits for keys only as long as it must. A third server that gives none
    /// must not hold up what the origin has to send; if its keys come later, so do its events, with those that follow
    /// them.
    pub async fn verify_soon(
        &self,
        from: &ServerName,
        version: RoomVersion,
        pdus: Vec<Pdu>,
    ) -> Vec<Result<Pdu, VerifyError>> {
        self.verify_within(soon, from, version, pdus).await
    }

    async fn verify_within(
        &self,
        patience: fn(usize) -> Duration,
        from: &ServerName,
        version: RoomVersion,
        pdus: Vec<Pdu>,
    ) -> Vec<Result<Pdu, VerifyError>> {
        let needed = blocking(|| signers(version, &pdus));
        let keys = self.fetch_within(patience, FetchedFor::Events(from.to_owned()), needed).await;
        let verified = blocking(|| verify_many(version, &pdus, &keys));
        verified
            .into_iter()
            .zip(pdus)
            .map(|(result, pdu)| result.map(|verified| verified.into_pdu(pdu)))
            .collect()
    }

    /// This server's keys, signed: what `/_matrix/key/v2/server` answers.
    pub fn own(&self) -> Value {
        let Inner { own_name, own_key, clock, .. } = &*self.0;
        let mut response = serde_json::Map::from_iter([
            ("server_name".to_owned(), json!(own_name)),
            (
                "verify_keys".to_owned(),
                json!({ own_key.key_id().as_str(): { "key": own_key.public_key_base64() } }),
            ),
            ("old_verify_keys".to_owned(), json!({})),
            ("valid_until_ts".to_owned(), json!(clock.now_ms() + OWN_LIFETIME_MS)),
        ]);
        if let Err(error) = own_key.sign_json(&mut response, own_name) {
            tracing::error!(%error, "this server's keys could not be signed");
        }
        Value::Object(response)
    }

    /// Whether the server must be asked for one of these keys, and was not asked just now.
    fn lacks(&self, server: &ServerName, key_ids: &BTreeSet<String>) -> bool {
        if server == self.0.own_name {
            return false;
        }
        let now = self.0.clock.now_ms();
        let known = self.known(server);
        let has_all = known.as_ref().is_some_and(|known| key_ids.iter().all(|id| known.is_settled(id, now)));
        !has_all && !self.was_tried(server)
    }

    /// What is known of a server's keys, in memory or in the store.
    fn known(&self, server: &ServerName) -> Option<Arc<ServerKeys>> {
        if let Some(known) = self.0.cache.get(server) {
            return Some(known);
        }
        let known = match self.stored(server) {
            Ok(known) => Arc::new(known?),
            Err(error) => {
                tracing::error!(%server, %error, "the keys of a server cannot be read");
                return None;
            }
        };
        self.0.cache.insert(server.to_owned(), known.clone());
        Some(known)
    }

    fn stored(&self, server: &ServerName) -> Result<Option<ServerKeys>, StorageError> {
        let Some(text) = self.0.store.view().get(&schema::SERVER_KEYS, (server,))? else { return Ok(None) };
        let known = ServerKeys::from_stored(&text);
        known.map(Some).map_err(|error| StorageError::Corrupt(format!("the keys of {server}: {error}")))
    }

    /// Keeps the keys of a server, with those that it had before.
    fn keep(&self, server: &ServerName, fetched: ServerKeys) {
        let merged = match self.known(server) {
            Some(before) => fetched.with_earlier(&before),
            None => fetched,
        };
        let write = || {
            let mut transaction = self.0.store.begin()?;
            transaction.put(&schema::SERVER_KEYS, (server,), &merged.to_stored());
            // Lost in a crash, they are fetched again.
            drop(transaction.submit());
            Ok::<_, StorageError>(())
        };
        if let Err(error) = write() {
            tracing::debug!(%server, %error, "the keys of a server were not stored");
        }
        self.0.cache.insert(server.to_owned(), Arc::new(merged));
    }
}

/// Some seconds, and more where very many servers must be asked.
fn soon(servers: usize) -> Duration {
    (SOON + Duration::from_secs(servers as u64 / 50)).min(PATIENCE)
}

/// Which keys the events name.
fn signers(version: RoomVersion, pdus: &[Pdu]) -> BTreeMap<OwnedServerName, BTreeSet<String>> {
    let mut needed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for pdu in pdus {
        // What cannot be read is not verified either.
        let Ok(event) = pdu.to_object() else { continue };
        let Some(signatures) = event.get_object("signatures") else { continue };
        for server in required_signers(version, pdu) {
            if let Some(own) = signatures.get_object(server.as_str()) {
                let key_ids = own.iter().map(|(key_id, _)| key_id.to_owned()).take(MAX_KEYS_PER_EVENT);
                needed.entry(server).or_default().extend(key_ids);
            }
        }
    }
    needed
}

/// So many signatures of one server on an event are looked at.
const MAX_KEYS_PER_EVENT: usize = 8;

#[cfg(test)]
mod tests;
