//! Being a notary: other servers' keys with our signature ("Querying Keys Through Another Server").

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ruma::OwnedServerName;
use serde_json::{Map, Value, value::RawValue};

use super::{FetchedFor, KeyRing};
use crate::AskedBy;

/// How many servers one request may ask about.
const MAX_SERVERS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(20);

impl KeyRing {
    /// The key responses of these servers, each with our signature besides its own, those of keys that a server does
    /// not use any more among them; `wanted` says for each key id up to when it must be valid, in milliseconds (none:
    /// now). Servers whose keys nobody knows are left out.
    pub async fn notarised(
        &self,
        asked_by: AskedBy,
        wanted: BTreeMap<OwnedServerName, BTreeMap<String, Option<u64>>>,
    ) -> Vec<Value> {
        let now = self.0.clock.now_ms();
        let wanted: Vec<_> = wanted.into_iter().take(MAX_SERVERS).collect();
        let lacking = wanted.iter().filter(|(server, key_ids)| {
            let least = key_ids.values().map(|at| at.unwrap_or(now)).max().unwrap_or(now);
            let holds = self
                .known(server)
                .is_some_and(|known| known.valid_until_ts >= least && key_ids.keys().all(|id| known.has(id)));
            *server != self.0.own_name && !holds && !self.was_tried(server)
        });
        let lacking = lacking.map(|(server, _)| server.clone()).collect();
        // What comes too late is there for the next who asks.
        self.refresh(FetchedFor::Notary(asked_by), lacking, PATIENCE).await;
        wanted.iter().flat_map(|(server, key_ids)| self.signed_responses(server, key_ids)).collect()
    }

    fn signed_responses(
        &self,
        server: &OwnedServerName,
        key_ids: &BTreeMap<String, Option<u64>>,
    ) -> Vec<Value> {
        if *server == self.0.own_name {
            return vec![self.own()];
        }
        let Some(known) = self.known(server) else { return Vec::new() };
        let key_ids: BTreeSet<&str> = key_ids.keys().map(|id| &**id).collect();
        known.responses(&key_ids).filter_map(|response| self.signed(response)).collect()
    }

    /// A server's response with our signature.
    fn signed(&self, response: &RawValue) -> Option<Value> {
        let mut response: Map<String, Value> = serde_json::from_str(response.get()).ok()?;
        self.0.own_key.sign_json(&mut response, &self.0.own_name).ok()?;
        Some(Value::Object(response))
    }
}
