//! Asking a server, or a notary, for keys.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hearth_spec::keys::verify_json;
use http::Method;
use ruma::ServerName;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{KeyRing, known::ServerKeys};
use crate::{
    FederationError,
    client::{BackOff, Limits, Purpose, Unsent},
};

/// For a server of which nothing but the name may be known: anyone can make us ask. So neither is it held against
/// it if it does not answer (which would fill the store with names), nor is it not asked.
const LIMITS: Limits = Limits {
    purpose: Purpose::ServerKeys,
    timeout: Duration::from_secs(20),
    body_bytes: 64 << 10,
    back_off: BackOff::Ignored,
    ..Limits::USUAL
};
/// The same for a notary, which may have several answers of a server.
const NOTARY_LIMITS: Limits = Limits { body_bytes: 512 << 10, ..LIMITS };

impl KeyRing {
    pub(super) async fn ask_server(&self, server: &ServerName) -> Result<ServerKeys, FederationError> {
        let path = "/_matrix/key/v2/server".to_owned();
        let request = Unsent { method: Method::GET, path, body: Bytes::new(), signed: false };
        let answer = self.0.client.ask(server, &request, LIMITS).await?;
        let text = std::str::from_utf8(answer.body()).map_err(|error| invalid(&error))?;
        ServerKeys::from_response(server, text, self.0.clock.now_ms()).map_err(FederationError::Invalid)
    }

    /// The keys as a notary has them, those that the server had before included: both it and the server itself have
    /// signed each answer.
    pub(super) async fn ask_notary(
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
        let answer = self.0.client.ask(notary, &request, NOTARY_LIMITS).await?;
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|error| invalid(&error))?;
        let of_notary = self.notary_keys(notary).await?;
        let mut all: Vec<ServerKeys> = Vec::new();
        for response in answer.server_keys {
            let text = response.get();
            if of_notary.signed(notary, text)
                && let Ok(keys) = ServerKeys::from_response(server, text, now)
            {
                all.push(keys);
            }
        }
        all.sort_by_key(|keys| keys.valid_until_ts);
        all.into_iter()
            .reduce(|earlier, later| later.with_earlier(&earlier))
            .ok_or_else(|| FederationError::Invalid("the notary has no keys with both signatures".to_owned()))
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
