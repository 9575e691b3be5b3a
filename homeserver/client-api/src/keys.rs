//! End-to-end keys ("End-to-End Encryption", "Cross-signing").

pub mod changes;
pub mod claim;
pub mod cross_signing;
pub mod query;
#[cfg(test)]
mod tests;
pub mod upload;

use std::collections::BTreeMap;

use hearth_federation::FederationError;
use ruma::OwnedServerName;
use serde_json::{Value, json};

use crate::{Admits, EndpointRouter, MatrixError};

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

/// The servers that could not be asked, as the specification has them told.
fn failures(failed: BTreeMap<OwnedServerName, FederationError>) -> BTreeMap<OwnedServerName, Value> {
    let told = |error: FederationError| {
        let error = MatrixError::from(error);
        json!({ "status": error.status.as_u16(), "errcode": error.errcode, "message": error.message })
    };
    failed.into_iter().map(|(server, error)| (server, told(error))).collect()
}
