//! End-to-end keys ("End-to-End Encryption", "Cross-signing").

pub mod changes;
pub mod claim;
pub mod cross_signing;
pub mod query;
#[cfg(test)]
mod tests;
pub mod upload;

use std::collections::BTreeMap;

use ruma::{OwnedServerName, OwnedUserId, ServerName};
use serde_json::{Value, json};

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, upload::upload_keys)
        .endpoint_admitting(Admits::GUESTS, query::get_keys)
        .endpoint_admitting(Admits::GUESTS, claim::claim_keys)
        .endpoint(changes::get_key_changes)
        .endpoint(cross_signing::upload_signing_keys)
        .endpoint(cross_signing::upload_signatures)
}

/// The servers among these users' that are not this one, as the specification has them told: unreachable.
fn failures<'a>(
    users: impl Iterator<Item = &'a OwnedUserId>,
    here: &ServerName,
) -> BTreeMap<OwnedServerName, Value> {
    users
        .map(|user| user.server_name())
        .filter(|server| *server != here)
        .map(|server| {
            (server.to_owned(), json!({ "status": 503, "message": "This server cannot be reached." }))
        })
        .collect()
}
