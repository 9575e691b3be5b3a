//! What this server is and can ("Server Discovery", "Capabilities negotiation").

pub mod capabilities;
#[cfg(test)]
mod tests;
pub mod versions;
pub mod well_known;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, versions::get_supported_versions)
        .endpoint_admitting(Admits::GUESTS, capabilities::get_capabilities)
        .endpoint(well_known::discover_homeserver)
        .endpoint(well_known::discover_support)
}
