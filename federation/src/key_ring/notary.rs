//! Being a notary: other servers' keys with our signature ("Querying Keys Through Another Server").

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use ruma::OwnedServerName;
use serde_json::{Map, Value};

use super::{KeyRing, RETRY_MS};

/// How many servers one request may ask about.
const MAX_SERVERS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(20);

impl KeyRing {
    /// The key responses of these servers, each with our signature besides its own; `wanted` says for each key id
    /// up to when it must be valid, in milliseconds (none: now). Servers whose keys nobody knows are left out.
    pub async fn notarised(
        &self,
        wanted: BTreeMap<OwnedServerName, BTreeMap<String, Option<u64>>>,
    ) -> Vec<Value> {
        let now = self.0.clock.now_ms();
        let wanted: Vec<_> = wanted.into_iter().take(MAX_SERVERS).collect();
        let lacking = wanted.iter().filter(|(server, key_ids)| {
            let least = key_ids.values().map(|at| at.unwrap_or(now)).max().unwrap_or(now);
            let holds = self
                .known(server)
                .is_some_and(|known| known.valid_until_ts >= least && key_ids.keys().all(|id| known.has(id)));
            *server != self.0.own_name
                && !holds
                && self.0.tried.get(server).is_none_or(|at| at + RETRY_MS <= now)
        });
        // What comes too late is there for the next who asks.
        join_all(lacking.map(|(server, _)| self.refresh(server).within(PATIENCE))).await;
        wanted.iter().filter_map(|(server, _)| self.signed_response(server)).collect()
    }

    fn signed_response(&self, server: &OwnedServerName) -> Option<Value> {
        if *server == self.0.own_name {
            return Some(self.own());
        }
        let known = self.known(server)?;
        let mut response: Map<String, Value> = serde_json::from_str(known.response.get()).ok()?;
        self.0.own_key.sign_json(&mut response, &self.0.own_name).ok()?;
        Some(Value::Object(response))
    }
}
