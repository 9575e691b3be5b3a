//! Asking servers for their keys, each once at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use hearth_spec::keys::verify_json;
use http::Method;
use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::{sync::Semaphore, time::Instant};

use super::{KeyRing, known::ServerKeys};
use crate::{
    FederationError,
    client::{BackOff, Limits, Purpose, Unsent},
};

/// How many servers are asked at once.
const AT_ONCE: usize = 128;

/// For a server of which nothing but the name may be known: anyone can make us ask. So neither is it held against
/// it if it does not answer (which would fill the store with names), nor is it not asked.
const LIMITS: Limits = Limits {
    purpose: Purpose::ServerKeys,
    timeout: Duration::from_secs(20),
    body_bytes: 64 << 10,
    back_off: BackOff::Ignored,
    ..Limits::USUAL
};

/// Fetches under way.
pub(super) struct Fetches {
    running: Mutex<HashMap<OwnedServerName, Fetch>>,
    turns: Arc<Semaphore>,
}

/// A fetch of a server's keys.
#[derive(Clone)]
pub(super) struct Fetch {
    begun: Instant,
    done: Shared<BoxFuture<'static, ()>>,
}

impl Fetch {
    /// Waits until it is done, but no longer than so long after it has begun: those who ask later for the keys of a
    /// server that is slow have no reason to hope for more.
    pub(super) async fn within(self, patience: Duration) {
        if tokio::time::timeout_at(self.begun + patience, self.done).await.is_err() {
            tracing::debug!("the keys of a server did not come in time");
        }
    }
}

impl Default for Fetches {
    fn default() -> Self {
        Self { running: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl KeyRing {
    /// Fetches a server's keys, or waits for the fetch that runs. It goes on if nobody waits any more.
    pub(super) fn refresh(&self, server: &ServerName) -> Fetch {
        let mut running = self.0.fetches.running.lock();
        if let Some(fetch) = running.get(server) {
            return fetch.clone();
        }
        let (ring, name) = (self.clone(), server.to_owned());
        let task = tokio::spawn(async move {
            // Never closed.
            let _turn = ring.0.fetches.turns.clone().acquire_owned().await;
            ring.fetch_now(&name).await;
            ring.0.tried.insert(name.clone(), ring.0.clock.now_ms());
            ring.0.fetches.running.lock().remove(&name);
        });
        let fetch = Fetch { begun: Instant::now(), done: task.map(|_| ()).boxed().shared() };
        running.insert(server.to_owned(), fetch.clone());
        fetch
    }

    async fn fetch_now(&self, server: &ServerName) {
        match self.ask_server(server).await {
            Ok(keys) => self.keep(server, keys),
            Err(error) => {
                tracing::debug!(%server, %error, "a server does not give its keys");
                for notary in &self.0.notaries {
                    match self.ask_notary(notary, server).await {
                        Ok(keys) => return self.keep(server, keys),
                        Err(error) => tracing::debug!(%server, %notary, %error, "nor does a notary"),
                    }
                }
            }
        }
    }

    async fn ask_server(&self, server: &ServerName) -> Result<ServerKeys, FederationError> {
        let path = "/_matrix/key/v2/server".to_owned();
        let request = Unsent { method: Method::GET, path, body: Bytes::new(), signed: false };
        let answer = self.0.client.ask(server, &request, LIMITS).await?;
        let text = std::str::from_utf8(answer.body()).map_err(|error| invalid(&error))?;
        ServerKeys::from_response(server, text, self.0.clock.now_ms()).map_err(FederationError::Invalid)
    }

    /// The keys as a notary has them: both it and the server itself have signed them.
    async fn ask_notary(
        &self,
        notary: &ServerName,
        server: &ServerName,
    ) -> Result<ServerKeys, FederationError> {
        #[derive(Deserialize)]
        struct Answer {
            server_keys: Vec<Box<RawValue>>,
        }
        if notary == server || *notary == *self.0.own_name {
            return Err(FederationError::Invalid("it is the server itself".to_owned()));
        }
        let now = self.0.clock.now_ms();
        // Without key ids, all keys are wanted.
        let wanted = json!({ "server_keys": { server.as_str(): {} } });
        let request = Unsent {
            method: Method::POST,
            path: "/_matrix/key/v2/query".to_owned(),
            body: wanted.to_string().into(),
            signed: false,
        };
        let answer = self.0.client.ask(notary, &request, LIMITS).await?;
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|error| invalid(&error))?;
        let of_notary = self.notary_keys(notary).await?;
        let mut best: Option<ServerKeys> = None;
        for response in answer.server_keys {
            let text = response.get();
            if !of_notary.signed(notary, text) {
                continue;
            }
            let Ok(keys) = ServerKeys::from_response(server, text, now) else { continue };
            if best.as_ref().is_none_or(|best| best.valid_until_ts < keys.valid_until_ts) {
                best = Some(keys);
            }
        }
        best.ok_or_else(|| FederationError::Invalid("the notary has no keys with both signatures".to_owned()))
    }

    /// A notary's own keys come from itself.
    async fn notary_keys(&self, notary: &ServerName) -> Result<Arc<ServerKeys>, FederationError> {
        let now = self.0.clock.now_ms();
        match self.known(notary).filter(|known| known.valid_until_ts >= now) {
            Some(known) => Ok(known),
            None => {
                let keys = self.ask_server(notary).await?;
                self.keep(notary, keys);
                self.known(notary)
                    .ok_or_else(|| FederationError::Invalid("the notary has no keys".to_owned()))
            }
        }
    }
}

impl ServerKeys {
    /// Whether one of these keys signed the object.
    fn signed(&self, server: &ServerName, object: &str) -> bool {
        self.current().any(|(id, key)| verify_json(object, server.as_str(), id, key))
    }
}

fn invalid(error: &dyn std::fmt::Display) -> FederationError {
    FederationError::Invalid(error.to_string())
}
