//! Transactions ("Transactions").

pub mod send;

use crate::endpoint::{EndpointRouter, MAX_TRANSACTION};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint_with_body(MAX_TRANSACTION, send::send_transaction)
}
