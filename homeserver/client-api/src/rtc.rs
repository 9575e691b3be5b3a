//! Calls ([MSC4143](https://github.com/matrix-org/matrix-spec-proposals/pull/4143)).

#[cfg(test)]
mod tests;
pub mod transports;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint_admitting(Admits::GUESTS, transports::get_transports)
}
