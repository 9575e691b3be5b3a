//! Events by someone who keeps no rule.

use std::sync::Arc;

use hearth_spec::{
    Pdu, RoomVersion, SigningKey,
    canonical_json::{self, Numbers},
    reference_hash::unpadded_base64,
    sign_pdu,
};
use ruma::{ServerName, event_id};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// An event in the making, of which every field can be anything.
#[derive(Clone)]
pub struct Forgery {
    version: RoomVersion,
    event: Map<String, Value>,
}

impl Forgery {
    pub fn new(version: RoomVersion, event: Value) -> Self {
        let Value::Object(event) = event else { panic!("an event is an object") };
        Self { version, event }
    }

    /// Sets a field, and leaves hash and signature as they are.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.event.insert(field.to_owned(), value.into());
        self
    }

    pub fn without(mut self, field: &str) -> Self {
        self.event.remove(field);
        self
    }

    /// Makes it a state event.
    pub fn state(self, state_key: &str) -> Self {
        self.with("state_key", state_key)
    }

    /// Puts the event elsewhere in the graph.
    pub fn after(self, prev_events: &[String]) -> Self {
        let references = self.references(prev_events);
        self.with("prev_events", references)
    }

    /// Names other auth events.
    pub fn authorised_by(self, auth_events: &[String]) -> Self {
        let references = self.references(auth_events);
        self.with("auth_events", references)
    }

    fn references(&self, ids: &[String]) -> Value {
        match self.version.references_are_pairs() {
            true => ids.iter().map(|id| json!([id, {}])).collect(),
            false => json!(ids),
        }
    }

    /// Gives it its content hash.
    pub fn hashed(self) -> Self {
        let mut hashed = self.event.clone();
        for field in ["unsigned", "signatures", "hashes"] {
            hashed.remove(field);
        }
        let hash = Sha256::digest(canonical(&hashed).as_bytes());
        self.with("hashes", json!({ "sha256": unpadded_base64(&hash) }))
    }

    /// Signs it in that server's name, besides the signatures that it has.
    pub fn signed(self, server: &ServerName, key: &SigningKey) -> Self {
        let text: Arc<str> = canonical(&self.event).into();
        // No limit is looked at on the way, and the id has no part in it.
        let pdu = Pdu::from_stored(self.version, text, event_id!("$unsigned:x").to_owned()).unwrap();
        let signed = sign_pdu(&pdu, server, key).unwrap();
        Self { event: serde_json::from_str(signed.text()).unwrap(), ..self }
    }

    /// Its id, as everybody who reads it works it out.
    pub fn id(&self) -> String {
        let pdu = Pdu::parse(self.version, &self.json().to_string());
        pdu.unwrap().event_id().to_string()
    }

    /// The auth events that it names.
    pub fn auth_events(&self) -> Vec<String> {
        let references = self.event["auth_events"].as_array().unwrap().iter();
        let id = |reference: &Value| reference.as_str().or(reference[0].as_str()).unwrap().to_owned();
        references.map(id).collect()
    }

    pub fn json(&self) -> Value {
        Value::Object(self.event.clone())
    }
}

fn canonical(event: &Map<String, Value>) -> String {
    let text = serde_json::to_string(event).unwrap();
    canonical_json::canonicalise(&text, Numbers::Any).unwrap()
}
